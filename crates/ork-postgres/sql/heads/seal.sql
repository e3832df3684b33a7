-- What `seals/insert` has sealed: the same heads pass.
UPDATE run_heads h
SET sealed_seq = s.seq_last, unsealed = h.seq > s.seq_last AND h.status IN ('success', 'failed', 'cancelled')
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS s (run_id, seq, seq_last)
WHERE h.run_id = ANY (ARRAY[s.run_id]) AND h.sealed_seq = s.seq - 1
