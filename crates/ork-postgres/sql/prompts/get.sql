SELECT * FROM v_prompts WHERE workspace_id = $1 AND id = $2 AND version = coalesce($3::integer, latest)
