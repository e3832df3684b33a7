-- Only behind the last one, under the lock of the head: whoever comes second finds that the events are sealed.
INSERT INTO seals (run_id, number, workspace_id, seq, seq_last, key_id, link, marks, sealed_at)
SELECT s.run_id, s.number, h.workspace_id, s.seq, s.seq_last, s.key_id, s.link, s.marks, s.sealed_at
FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[])
     AS s (run_id, number, seq, seq_last, key_id, link, marks, sealed_at)
CROSS JOIN LATERAL (
    SELECT own.workspace_id FROM run_heads own WHERE own.run_id = s.run_id AND own.sealed_seq = s.seq - 1 OFFSET 0
) AS h
ON CONFLICT (run_id, number) DO NOTHING
