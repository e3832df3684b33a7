-- Moves tasks that got a slot from `held` to the end of their place in the queue, in the order of $1 and $2, at the moment $3.
WITH freed AS (
    DELETE FROM held h
    USING (
        SELECT s.turn, own.place FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS s (run_id, n, turn)
        CROSS JOIN LATERAL (SELECT own.ctid AS place FROM held own WHERE own.run_id = s.run_id AND own.n = s.n OFFSET 0) AS own
    ) AS s
    WHERE h.ctid = s.place
    RETURNING h.lane, h.workspace_id, h.rank, h.run_id, h.n, h.g, h.task_index, h.attempt, h.concurrency_key, s.turn
), wanted AS MATERIALIZED (
    SELECT sorted.*, nextval('ready_seq') AS seq FROM (SELECT * FROM freed ORDER BY turn) AS sorted
), queued AS (
    INSERT INTO ready (lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt, concurrency_key, queued_at)
    SELECT lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt, concurrency_key, $3 FROM wanted
)
SELECT lane, workspace_id, rank, min(seq) AS seq, count(*), false AS held FROM wanted GROUP BY 1, 2, 3
