"""Which job runs when: slots, holds, and the job manager, which makes every change to a job."""
