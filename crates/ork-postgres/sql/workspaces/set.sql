UPDATE workspaces SET settings = $2::text::json WHERE id = $1
