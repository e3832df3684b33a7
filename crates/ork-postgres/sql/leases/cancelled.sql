SELECT l.run_id, l.n, l.lease FROM leases l
JOIN run_heads h ON h.run_id = l.run_id
JOIN tasks t ON t.run_id = l.run_id AND t.n = l.n
WHERE l.worker_id = $1 AND (h.cancelling IS NOT NULL OR t.cancel_requested_at IS NOT NULL)
ORDER BY l.run_id, l.n
