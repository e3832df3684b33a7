#!/bin/sh
# Stands for a slow provider. Takes {"prompt": …}, answers with the name of a file that holds the "video".
set -eu
prompt=$(sed -n 's/.*"prompt":"\([^"\\]*\)".*/\1/p' "$ORK_PARAMS")
test -n "$prompt" || { echo "there is no prompt in $(cat "$ORK_PARAMS")" >&2; exit 1; }
mkdir -p out
echo "50 encoding" >>"$ORK_PROGRESS"
echo "frames of $prompt" >"out/$ORK_TASK_KEY.txt"
printf '{"url": "out/%s.txt"}' "$ORK_TASK_KEY" >"$ORK_OUTPUT"
