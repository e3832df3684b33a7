#!/bin/sh
# Takes {"videos": ["out/city.txt", …]}, in which each marker has become the output that it names. Joins the files.
set -eu
sed 's/.*"videos":\[\([^]]*\)\].*/\1/' "$ORK_PARAMS" | tr ',' '\n' | tr -d '"' >"$ORK_WORK/videos"
xargs cat <"$ORK_WORK/videos" >"out/$ORK_TASK_KEY.txt"
printf '{"url": "out/%s.txt", "videos": %d}' "$ORK_TASK_KEY" "$(wc -l <"out/$ORK_TASK_KEY.txt")" >"$ORK_OUTPUT"
