-- What a step has used or reserved in all attempts, rounds and tries.
SELECT coalesce(sum(cost_tokens + reserved_tokens), 0), coalesce(sum(cost_micros + reserved_micros), 0) FROM steps
WHERE run_id = ?1 AND n = ?2 AND position = ?3
