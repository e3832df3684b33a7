-- By id, because whoever sends one at this moment writes it down.
DELETE FROM webhook_deliveries
WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
