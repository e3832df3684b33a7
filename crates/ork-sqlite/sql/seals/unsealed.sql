-- The next events of runs that are over, as many as fit. A run whose events were removed has none, and is there all the same.
SELECT h.run_id, h.seals, h.link, h.sealed_seq, h.seq AS head_seq,
       e.seq, e.seq_last, e.type, e.tasks, e.actor_kind, e.actor_id, e.payload, e.created_at
FROM (
    SELECT own.run_id, own.seq, own.sealed_seq,
           coalesce((SELECT max(s.number) FROM seals s WHERE s.run_id = own.run_id), 0) AS seals,
           (SELECT s.link FROM seals s WHERE s.run_id = own.run_id ORDER BY s.number DESC LIMIT 1) AS link
    FROM run_heads own
    WHERE own.unsealed AND own.status IN ('success', 'failed', 'cancelled')
    ORDER BY own.run_id LIMIT ?1
) AS h
LEFT JOIN events e ON e.run_id = h.run_id AND e.seq > h.sealed_seq AND e.seq <= h.seq
ORDER BY h.run_id, e.seq LIMIT ?1
