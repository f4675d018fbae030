-- name: add_job
INSERT INTO jobs (
    id, state, folder, source, output, gpu, priority, front, paused, rank, arrival,
    created_at, not_before, ended_at, record
)
VALUES (
    :id, :state, :folder, :source, :output, :gpu, :priority, :front, :paused, :rank,
    (SELECT coalesce(max(arrival), 0) + 1 FROM jobs), :created_at, :not_before, :ended_at, :record
)
ON CONFLICT (source) WHERE ended_at IS NULL DO NOTHING;

-- name: save_job
UPDATE jobs
SET state = :state, folder = :folder, source = :source, output = :output, gpu = :gpu, priority = :priority,
    front = :front, paused = :paused, rank = :rank, created_at = :created_at, not_before = :not_before, ended_at = :ended_at, record = :record
WHERE id = :id;

-- name: add_history
INSERT INTO history (job_id, at, event, state, attempt, codes)
VALUES (:job_id, :at, :event, :state, :attempt, :codes);

-- name: jobs_by_prefix
SELECT record FROM jobs WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT 2;

-- name: last_arrival
SELECT coalesce(max(arrival), 0) FROM jobs;

-- name: queued_folders
-- From one folder to the next in the index: DISTINCT would read every queued job.
WITH RECURSIVE queued (folder) AS (
    SELECT min(folder) FROM jobs INDEXED BY jobs_queued WHERE state = 'queued' AND paused = 0
    UNION ALL
    SELECT (SELECT min(jobs.folder) FROM jobs INDEXED BY jobs_queued
            WHERE state = 'queued' AND paused = 0 AND jobs.folder > queued.folder)
    FROM queued WHERE folder IS NOT NULL
)
SELECT folder FROM queued WHERE folder IS NOT NULL;

-- name: first_queued
SELECT record, rank, arrival FROM jobs INDEXED BY jobs_queued
WHERE state = 'queued' AND paused = 0 AND folder = :folder AND gpu = :gpu
  AND (not_before <= :now OR not_before > :beyond)
ORDER BY front DESC, priority DESC, rank, arrival
LIMIT 1;

-- name: without_rank
SELECT record FROM jobs INDEXED BY jobs_queued
WHERE state = 'queued' AND paused = 0 AND folder = :folder AND gpu = :gpu AND rank IS NULL
LIMIT :limit;

-- name: unfinished_of
SELECT record FROM jobs WHERE folder = :folder AND ended_at IS NULL;

-- name: set_rank
UPDATE jobs SET rank = :rank WHERE id = :id;

-- name: paused_jobs
SELECT record FROM jobs WHERE paused = 1 AND state IN ('queued', 'running', 'held') ORDER BY arrival;

-- name: most_front
SELECT coalesce(max(front), 0) FROM jobs WHERE ended_at IS NULL;

-- name: due_holds
SELECT record FROM jobs
WHERE state = 'held' AND folder IN (SELECT value FROM json_each(:folders)) AND (not_before <= :now OR not_before > :beyond)
ORDER BY not_before, arrival;

-- name: postpone
UPDATE jobs SET not_before = :until, record = json_set(record, '$.not_before', :until)
WHERE id = :id AND state = 'held';

-- name: held_folders
SELECT DISTINCT folder FROM jobs WHERE state = 'held';

-- name: next_wake
SELECT min(not_before) FROM jobs
WHERE state IN ('queued', 'held') AND ended_at IS NULL AND not_before > :now AND not_before <= :beyond;

-- name: is_queued
SELECT 1 FROM jobs WHERE id = :job_id AND state = 'queued';

-- name: unfinished_ids
SELECT id FROM jobs WHERE ended_at IS NULL;

-- name: unfinished_folders
SELECT DISTINCT folder FROM jobs WHERE ended_at IS NULL;

-- name: find_jobs
SELECT record FROM jobs
WHERE (:states = '' OR instr(:states, ' ' || state || ' ') > 0) AND (:folder IS NULL OR folder = :folder)
ORDER BY arrival DESC
LIMIT :limit OFFSET :offset;

-- name: folders_in_queue
SELECT DISTINCT folder FROM jobs WHERE state = 'queued';

-- name: queued_of
SELECT record, rank, arrival FROM jobs WHERE state = 'queued' AND folder = :folder
ORDER BY paused, front DESC, priority DESC, rank, arrival
LIMIT :limit;

-- name: recently_ended
SELECT record FROM jobs
WHERE ended_at IS NOT NULL AND instr(:states, ' ' || state || ' ') > 0 AND (:folder IS NULL OR folder = :folder)
ORDER BY ended_at DESC, id DESC LIMIT :limit;

-- name: waiting
SELECT folder, json_extract(record, '$.preset_name'), gpu, count(*), sum(json_extract(record, '$.identity.size'))
FROM jobs WHERE state = 'queued' GROUP BY 1, 2, 3;

-- name: counts
SELECT state, count(*) FROM jobs WHERE :folder IS NULL OR folder = :folder GROUP BY state;

-- name: history
SELECT at, event, state, attempt, codes FROM history WHERE job_id = :job_id ORDER BY number;

-- name: output_claimed
SELECT 1 FROM jobs WHERE output = :output AND ended_at IS NULL LIMIT 1;

-- name: planned_outside
SELECT record FROM jobs
WHERE folder = :folder AND state IN ('queued', 'held', 'running') AND substr(output, 1, length(:below)) != :below
ORDER BY arrival;

-- name: unfinished_with_source
SELECT record FROM jobs WHERE source = :source AND ended_at IS NULL LIMIT 1;

-- name: set_progress
INSERT INTO progress (job_id, record) SELECT id, :record FROM jobs WHERE id = :job_id
ON CONFLICT (job_id) DO UPDATE SET record = excluded.record;

-- name: progress
SELECT record FROM progress WHERE job_id = :job_id;

-- name: add_request
INSERT INTO requests (kind, job_id, asked_at, argument) VALUES (:kind, :job_id, :asked_at, :argument);

-- name: requests
SELECT number, kind, job_id, asked_at, argument FROM requests ORDER BY number;

-- name: drop_request
DELETE FROM requests WHERE number = :number;

-- name: set_fact
INSERT INTO facts (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: drop_fact
DELETE FROM facts WHERE name = :name;

-- name: facts
SELECT name, value FROM facts ORDER BY name;

-- name: prune
DELETE FROM jobs
WHERE ended_at < :before
  AND id NOT IN (SELECT id FROM jobs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT :keep);

-- name: remember_file
INSERT INTO known_files (folder, relative, size, output, seen_at, record)
VALUES (:folder, :relative, :size, :output, :seen_at, :record)
ON CONFLICT (folder, relative) DO UPDATE
SET size = excluded.size, output = excluded.output, seen_at = excluded.seen_at, record = excluded.record;

-- name: forget_file
DELETE FROM known_files WHERE folder = :folder AND relative = :relative;

-- name: known_file
SELECT record FROM known_files WHERE folder = :folder AND relative = :relative;

-- name: known_files_of_size
SELECT record FROM known_files WHERE folder = :folder AND size = :size LIMIT 100;

-- name: is_known_output
SELECT 1 FROM known_files WHERE output = :output LIMIT 1;

-- name: has_known_files
SELECT 1 FROM known_files WHERE folder = :folder LIMIT 1;

-- name: prune_known_files
-- The folder that has most forgets first: whoever floods one makes no other forget.
DELETE FROM known_files
WHERE (SELECT count(*) FROM known_files) > :keep AND (folder, relative) IN (
    SELECT folder, relative FROM known_files
    ORDER BY row_number() OVER (PARTITION BY folder ORDER BY seen_at DESC) LIMIT -1 OFFSET :keep);

-- name: with_source_below
SELECT record FROM jobs WHERE source >= :below AND source < :beyond ORDER BY id;

-- name: newest_of_each_folder
SELECT record FROM jobs WHERE id IN (SELECT max(id) FROM jobs GROUP BY folder);

-- name: rename_jobs_folder
UPDATE jobs SET folder = :new, record = json_set(record, '$.folder', :new) WHERE folder = :old;

-- name: rename_known_files_folder
UPDATE OR REPLACE known_files SET folder = :new WHERE folder = :old;

-- name: note_moved
INSERT INTO moved_files (path, size, mtime_ns, moved_at, job_id)
VALUES (:path, :size, :mtime_ns, :moved_at, :job_id)
ON CONFLICT (path) DO UPDATE
SET size = excluded.size, mtime_ns = excluded.mtime_ns, moved_at = excluded.moved_at, job_id = excluded.job_id;

-- name: forget_moved
DELETE FROM moved_files WHERE path = :path;

-- name: moved_files
SELECT path, size, mtime_ns, moved_at, job_id FROM moved_files WHERE path > :low AND path < :high;

-- name: prune_moved
DELETE FROM moved_files WHERE path IN (SELECT path FROM moved_files ORDER BY moved_at DESC LIMIT -1 OFFSET :keep);

-- name: queued_again
SELECT 1 FROM jobs WHERE source = :source AND arrival > (SELECT arrival FROM jobs WHERE id = :job_id) LIMIT 1;
