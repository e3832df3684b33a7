INSERT INTO prompt_versions (workspace_id, prompt_id, version, prompt_text, variables, created_by, created_at)
VALUES ($1, $2, $3, $4, $5::text::json, $6, $7)
