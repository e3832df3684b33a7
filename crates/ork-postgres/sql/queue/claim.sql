-- Takes rows off the queue and gives their leases, in one statement. $1 to $4 are the places to look at: a lane, a
-- workspace, and the lowest key that may still be there. Without that lower bound each claim would walk over the index
-- entries of everything claimed since the last vacuum. From each workspace at most $5, in all at most $6.
--
-- `ctid = ANY (ARRAY (...))` pins the plan: one walk along the key, then direct access; a join in its place turns into a scan
-- of the table once estimates are off. Rows of `ready` are never updated, so a ctid is good as long as its lock.
-- A worker that was struck off gets nothing, and nobody gets anything of a queue that is paused: that is asked once for
-- each place, by key: `OFFSET 0` keeps it from becoming a join.
WITH taken AS (
    DELETE FROM ready
    WHERE ctid = ANY (ARRAY (
        SELECT chosen.ctid
        FROM (
            SELECT r.ctid, s.turn, r.rank, r.seq,
                   row_number() OVER (PARTITION BY s.workspace_id ORDER BY r.rank, r.seq) AS position
            FROM (
                SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
                     AS place (lane, workspace_id, rank, seq, turn)
                WHERE NOT EXISTS (SELECT 1 FROM queue_pauses p
                                  WHERE p.workspace_id = place.workspace_id AND p.queue = split_part(place.lane, '@', 1)
                                  OFFSET 0)
                OFFSET 0
            ) AS s
            CROSS JOIN LATERAL (
                SELECT q.ctid, q.rank, q.seq FROM ready q
                WHERE q.lane = s.lane AND q.workspace_id = s.workspace_id AND (q.rank, q.seq) >= (s.rank, s.seq)
                  AND EXISTS (SELECT 1 FROM workers w WHERE w.id = $7 AND w.ended_at IS NULL)
                ORDER BY q.rank, q.seq LIMIT $5
                FOR UPDATE SKIP LOCKED
            ) AS r
        ) AS chosen
        WHERE chosen.position <= $5
        ORDER BY chosen.turn, chosen.rank, chosen.seq LIMIT $6
    ))
    RETURNING lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt, concurrency_key
), leased AS (
    INSERT INTO leases (run_id, n, workspace_id, g, task_index, attempt, lease, worker_id, concurrency_key, dispatched_at)
    SELECT run_id, n, workspace_id, g, task_index, attempt, $8, $7, concurrency_key, $9 FROM taken
)
SELECT lane, workspace_id, rank, seq, run_id, n, g, task_index, attempt FROM taken ORDER BY workspace_id, rank, seq
