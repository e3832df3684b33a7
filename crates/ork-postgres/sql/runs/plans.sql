SELECT id, workspace_id, plan, input, project, host, webhook_url, webhook_secret, webhook_secret_name, webhook_events, webhook_format
FROM runs WHERE id = ANY ($1::uuid[]) AND ($2::uuid IS NULL OR workspace_id = $2)
