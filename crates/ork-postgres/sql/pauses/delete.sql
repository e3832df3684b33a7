DELETE FROM queue_pauses WHERE workspace_id = $1 AND queue = $2
