SELECT workspace_id, plan, input, project, host, webhook_url, webhook_secret, webhook_secret_name, webhook_events, webhook_format
FROM runs WHERE id = ?1 AND (?2 IS NULL OR workspace_id = ?2)
