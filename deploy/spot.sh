#!/bin/sh
# Ask the instance's metadata every five seconds whether it is taken back (IMDSv2), and stop the server then: SIGTERM
# answers what is under way. The notice comes two minutes before.
set -eu
metadata=${METADATA:-http://169.254.169.254}
stop=${STOP:-systemctl stop genrekit}
every=${EVERY:-5}
while :; do
    token=$(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/latest/api/token") || token=
    if [ -n "$token" ] && curl -sf -m 2 -o /dev/null -H "X-aws-ec2-metadata-token: $token" \
        "$metadata/latest/meta-data/spot/instance-action"; then
        echo 'the spot instance is taken back: draining'
        exec $stop
    fi
    sleep "$every"
done
