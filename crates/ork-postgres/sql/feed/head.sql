SELECT e.feed, e.run_id, e.seq_last FROM events e
WHERE e.feed > 0 AND e.feed < (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
ORDER BY e.feed DESC, e.run_id DESC, e.seq DESC LIMIT 1
