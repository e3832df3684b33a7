-- Queues tasks in the order of the arrays: each place is a run, a group, a range of its tasks' numbers, the index of the first,
-- and the attempt that they are queued for. What has a concurrency key waits in `held` for a slot. Answers where they went,
-- with the lowest key of each place. $7 is the present moment.
--
-- `tasks` is not read: who queues knows which tasks are live. A join by range (`n BETWEEN`) would besides be planned as a
-- walk over all tasks of the run, once for each range.
WITH wanted AS MATERIALIZED (
    SELECT found.*, nextval('ready_seq') AS seq
    FROM (
        SELECT gr.lane, gr.workspace_id, -gr.priority::bigint AS rank, gr.run_id, number AS n, gr.g,
               s.index_first + (number - s.n_first) AS task_index, s.attempt, gr.concurrency_key, gr.concurrency_limit
        FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[]) WITH ORDINALITY
             AS s (run_id, g, n_first, n_last, index_first, attempt, place)
        CROSS JOIN LATERAL (SELECT * FROM groups own WHERE own.run_id = s.run_id AND own.g = s.g OFFSET 0) AS gr
        CROSS JOIN generate_series(s.n_first, s.n_last) AS number
        ORDER BY s.place, number
    ) AS found
), queued AS (
    INSERT INTO ready (lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt, queued_at)
    SELECT lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt, $7 FROM wanted WHERE concurrency_key IS NULL
), kept AS (
    INSERT INTO held (run_id, n, workspace_id, g, task_index, attempt, lane, rank, seq, concurrency_key, concurrency_limit)
    SELECT run_id, n, workspace_id, g, task_index, attempt, lane, rank, seq, concurrency_key, concurrency_limit FROM wanted
    WHERE concurrency_key IS NOT NULL
)
SELECT lane, workspace_id, rank, min(seq) AS seq, count(*), concurrency_key IS NOT NULL AS held FROM wanted GROUP BY 1, 2, 3, 6
