DELETE FROM loose_blobs WHERE key = ?1 AND doomed
