"""Jobs: long work that is asked for by an object, runs in the background, tells how far it is, and can be cancelled.

A `Job` is kept like any other object, so that it is listed, watched and deleted through the API, and its progress is
its status. One that was running when the server ended runs again when it starts: what does the work goes on with what
it left (a fetch with the bytes that are there, an environment from the cache).
"""

from forecourt.processes.jobs.model import GROUP, JOBS_NAMESPACE, Job, JobSpec, JobStatus, Step
from forecourt.processes.jobs.progress import Cancelled, Telling
from forecourt.processes.jobs.resource import job_resource
from forecourt.processes.jobs.runner import Jobs, Work

__all__ = [
    "GROUP",
    "JOBS_NAMESPACE",
    "Cancelled",
    "Job",
    "JobSpec",
    "JobStatus",
    "Jobs",
    "Step",
    "Telling",
    "Work",
    "job_resource",
]
