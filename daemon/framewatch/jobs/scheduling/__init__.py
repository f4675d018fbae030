"""Which job runs when: slots, holds, and the job manager through which every change goes."""
