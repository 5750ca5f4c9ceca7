"""``wildgraph estimate``: what a job will ask and cost, without asking. The same as ``--dry-run`` of the job itself."""

from __future__ import annotations

from functools import partial

import click


def estimate_group(*jobs: click.Command) -> click.Group:
    """The command group: each job with its own options, run dry.

    Args:
        jobs: commands with a flag ``dry_run``.
    """
    group = click.Group(
        "estimate",
        help="Say how many requests and tokens a job will take and what it will cost, without asking anybody: "
        "from this run's own results once there are 50, from stated assumptions before. The same as --dry-run of the job.",
    )
    for job in jobs:
        assert job.callback is not None
        options = [parameter for parameter in job.params if parameter.name != "dry_run"]
        command = click.Command(
            job.name, callback=partial(job.callback, dry_run=True), params=options, help=f"Estimate what `wildgraph {job.name}` will take."
        )
        group.add_command(command)
    return group
