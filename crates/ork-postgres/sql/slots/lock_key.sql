-- Who gives out slots of a key does so alone.
SELECT 1 FROM slot_keys WHERE workspace_id = $1 AND concurrency_key = $2 FOR UPDATE
