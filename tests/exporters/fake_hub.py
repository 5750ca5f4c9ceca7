"""As much of the Hugging Face Hub as a push needs, on loopback."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeHub:
    """Repositories of data sets: ``repos[name]`` holds ``private`` and ``files``; ``seen`` the requests with their tokens.

    Args:
        token: the one that is let in.
        large: file names that are asked for through large file storage.
    """

    def __init__(self, token="hf_right", large=(".parquet",)):
        self.token, self.large = token, large
        self.repos = {}
        self.objects = {}
        self.seen = []
        self.commits = []

    def __enter__(self):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body=None, **headers):
                data = json.dumps(body if body is not None else {}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline().strip() or b"0", 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                path = self.path.partition("?")[0]
                hub.seen.append((self.command, path, self.headers.get("Authorization")))
                if path.startswith("/storage/"):
                    hub.objects[path.removeprefix("/storage/")] = body
                    return self.answer(200)
                if self.headers.get("Authorization") != f"Bearer {hub.token}":
                    return self.answer(401, {"error": "Invalid username or password."}, X_Error_Message="Invalid username or password.")
                return hub.answer(self, path, body)

            do_GET = do_POST = do_PUT = do_HEAD = handle_any  # noqa: N815 - the names that the base class looks for

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request, path, body):
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else f"me/{asked['name']}"
            if name in self.repos:
                return request.answer(409, {"error": "You already created this dataset repo", "url": f"{self.url}/datasets/{name}"})
            self.repos[name] = {"private": asked.get("private", asked.get("visibility") == "private"), "files": {}, "type": asked["type"]}
            return request.answer(200, {"url": f"{self.url}/datasets/{name}", "id": name})
        if path == "/api/validate-yaml":
            return request.answer(200, {"errors": [], "warnings": []})
        for name, repo in self.repos.items():
            if path == f"/api/datasets/{name}" or path.startswith(f"/api/datasets/{name}/revision/"):
                siblings = [{"rfilename": file} for file in repo["files"]]
                return request.answer(200, {"id": name, "private": repo["private"], "sha": "0" * 40, "siblings": siblings})
            if path == f"/api/datasets/{name}/preupload/main":
                files = [
                    {
                        "path": one["path"],
                        "uploadMode": "lfs" if one["path"].endswith(self.large) else "regular",
                        "shouldIgnore": False,
                        "oid": None,
                    }
                    for one in json.loads(body)["files"]
                ]
                return request.answer(200, {"files": files})
            if path == f"/datasets/{name}.git/info/lfs/objects/batch":
                objects = [
                    {"oid": one["oid"], "size": one["size"], "actions": {"upload": {"href": f"{self.url}/storage/{one['oid']}"}}}
                    for one in json.loads(body)["objects"]
                ]
                return request.answer(200, {"transfer": "basic", "objects": objects})
            if path == f"/api/datasets/{name}/commit/main":
                self.commit(repo, body)
                return request.answer(200, {"commitUrl": f"{self.url}/datasets/{name}/commit/1", "commitOid": "1" * 40, "success": True})
        return request.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")

    def commit(self, repo, body):
        lines = [json.loads(line) for line in body.splitlines()]
        self.commits.append([line["key"] for line in lines])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                repo["files"][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                content = self.objects[value["oid"]]
                assert hashlib.sha256(content).hexdigest() == value["oid"]
                repo["files"][value["path"]] = content
            elif line["key"] == "deletedFile":
                del repo["files"][value["path"]]
