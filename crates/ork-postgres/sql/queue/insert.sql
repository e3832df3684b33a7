-- Queues tasks in the order of $1 to $4, each a run, a group, and a range of its tasks' numbers; live tasks only. What has a
-- concurrency key waits in `held` for a slot. Answers where they went, with the lowest key of each place.
WITH wanted AS MATERIALIZED (
    SELECT found.*, nextval('ready_seq') AS seq
    FROM (
        SELECT gr.lane, gr.workspace_id, -gr.priority::bigint AS rank, t.run_id, t.n, t.g, t.task_index, t.attempt + 1 AS attempt,
               gr.concurrency_key, gr.concurrency_limit
        FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[]) WITH ORDINALITY
             AS s (run_id, g, n_first, n_last, place)
        JOIN groups gr ON gr.run_id = s.run_id AND gr.g = s.g
        JOIN tasks t ON t.run_id = s.run_id AND t.n BETWEEN s.n_first AND s.n_last
        WHERE t.status IN ('pending', 'waiting', 'retrying')
        ORDER BY s.place, t.n
    ) AS found
), queued AS (
    INSERT INTO ready (lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt)
    SELECT lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt FROM wanted WHERE concurrency_key IS NULL
), kept AS (
    INSERT INTO held (run_id, n, workspace_id, g, task_index, attempt, lane, rank, seq, concurrency_key, concurrency_limit)
    SELECT run_id, n, workspace_id, g, task_index, attempt, lane, rank, seq, concurrency_key, concurrency_limit FROM wanted
    WHERE concurrency_key IS NOT NULL
)
SELECT lane, workspace_id, rank, min(seq) AS seq, count(*), concurrency_key IS NOT NULL AS held FROM wanted GROUP BY 1, 2, 3, 6
