// A served page follows its run: it asks its own server, and nobody else, whether there is more to see. A page that is a file has
// none of this, and its policy lets it ask nobody.

const ASK_EVERY = 2000; // milliseconds
const GIVE_UP_AFTER = 5; // tries that nobody answered

let version = null;
let unanswered = 0;
let took = 0;

function sayLive(text, lost = false) {
  $("live").hidden = false;
  $("live").classList.toggle("lost", lost);
  $("live").textContent = text;
}

async function ask() {
  let wait = ASK_EVERY;
  try {
    const { version: latest, doing } = await (await fetch("state")).json();
    unanswered = 0;
    const written = doing.filter(([, rows]) => rows).map(([name, rows]) => `${name} ${number(rows)}`);
    sayLive(["live", ...written].join(" · "));
    if (version !== null && latest !== version) wait = await renew();
    else version = latest;
  } catch {
    unanswered += 1;
    sayLive("no answer", true);
  }
  if (unanswered < GIVE_UP_AFTER) setTimeout(ask, wait * (1 + unanswered));
  else sayLive("the server has stopped; this is what it last said", true);
}

/** Takes over what the server has now and shows the same view of it. A large run that grows fast is asked for less often. */
async function renew() {
  const began = performance.now();
  const news = await (await fetch("data")).json();
  const held = new Set(news.blocks.map(([name]) => `data-${name}`));
  for (const old of document.querySelectorAll("script[id^=data-]")) if (!held.has(old.id)) old.remove();
  for (const [name, encoding, text] of news.blocks) {
    let holder = $(`data-${name}`);
    if (!holder) {
      holder = el("script", { type: "text/plain", id: `data-${name}` });
      document.body.append(holder);
    }
    holder.dataset.encoding = encoding;
    holder.textContent = text;
  }
  for (const known of [blocks, graphs, unions]) known.clear();
  version = news.version;
  await takeOver();
  took = performance.now() - began;
  return Math.max(ASK_EVERY, 10 * took);
}

setTimeout(ask, 0);
