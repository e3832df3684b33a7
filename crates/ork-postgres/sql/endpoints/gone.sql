-- The endpoint of a message has said that it is gone.
UPDATE webhook_endpoints SET disabled_at = $2, disabled_because = $3, updated_at = $2
WHERE id = (SELECT endpoint_id FROM webhook_deliveries WHERE id = $1) AND disabled_at IS NULL
