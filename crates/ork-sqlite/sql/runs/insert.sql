INSERT INTO runs (id, workspace_id, external_id, name, priority, plan_source, plan, input, triggered_by, retry_of, host,
                  in_process, project, concurrency_key, deadline_at, created_at, owner_id, workflow_id, revision_id,
                  webhook_url, webhook_secret, webhook_secret_name, webhook_events, webhook_format)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)
ON CONFLICT (id) DO NOTHING
