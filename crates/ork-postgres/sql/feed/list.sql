-- One row at least: whether anything is held back is known without an event too. The horizon is the oldest transaction
-- that is still at work; whatever it will write has its id or a higher one. The first row may be one of which the reader has
-- had a part: its last number decides, and the index leads to it. The highest place is asked for and not whether there is one
-- beyond the horizon: PostgreSQL takes that for a third of all rows, and walks through the table.
WITH horizon AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS feed)
SELECT coalesce((SELECT max(w.feed) FROM events w), 0) >= h.feed AS held_back, e.*
FROM horizon h
LEFT JOIN LATERAL (
    SELECT feed, run_id, workspace_id, seq, seq_last, type, tasks, actor_kind, actor_id, payload, created_at FROM events
    WHERE (feed, run_id) >= ($1, $2) AND feed < h.feed AND (feed, run_id, seq_last) > ($1, $2, $3)
    ORDER BY feed, run_id, seq LIMIT $4
) AS e ON true
ORDER BY e.feed, e.run_id, e.seq
