-- With what its endpoints want to be told of.
SELECT settings,
       (SELECT coalesce(max(e.told & 1) | max(e.told & 2) | max(e.told & 4), 0) FROM webhook_endpoints e
        WHERE e.workspace_id = workspaces.id AND e.disabled_at IS NULL) AS told
FROM workspaces WHERE id = ?1
