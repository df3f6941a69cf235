#!/bin/sh
# Checks this folder, the record of a key ceremony: sh check.sh [HKNSO], the 64 hex digits on
# the paper. A line a statement, pass or FAIL; it ends with 1 if one fails, and writes nothing here.
# shellcheck disable=SC2317,SC2329,SC2015,SC2013 # most functions are called by check
{ # read to its end before anything is done
export LC_ALL=C; kmdata=disconnected/local failed=0
cd "$(dirname "$0")" && w=$(mktemp -d) || exit 1
trap 'rm -rf "$w"' EXIT
check() { # TEXT COMMAND…
    text=$1 && shift
    if "$@" >"$w/out" 2>&1; then echo "pass  $text"; else echo "FAIL  $text" && failed=1; fi
}
same() { [ -n "$1" ] && [ "$1" = "$2" ]; } && hash() { sha256sum | cut -c1-64; }
spki() { openssl pkey -pubin -in "$1" -outform DER 2>/dev/null | hash; }
signed() { openssl dgst "-${4:-sha256}" -verify "$1" -signature "$2" "$3"; } # KEY SIGNATURE FILE [DIGEST]
said() { printf 'byok proof of possession v1\n%s\n%s\n' "$1" "$(hash <"$2")"; } # PURPOSE FILE
value() { # FILE FIELD, such as knso.public_key or pairs.0.kek.kid
    awk -v want="$2" '{
        match($0, /^ */); depth = RLENGTH / 2; text = substr($0, RLENGTH + 1)
        if (text ~ /^[]}]/) next
        if (match(text, /^"[a-z0-9_]+": /)) { name = substr(text, 2, RLENGTH - 4); text = substr(text, RLENGTH + 1) }
        else name = count[depth]++
        path[depth] = name; count[depth + 1] = 0; full = path[1]; for (i = 2; i <= depth; i++) full = full "." path[i]
        if (full != want) next
        sub(/,$/, "", text); gsub(/^"|"$/, "", text)
        gsub(/\\n/, "\n", text); gsub(/\\"/, "\"", text); printf "%s", text
    }' "$1"
}
chained() { # LOG: each line carries the hash of what is before it, and the last one is whole
    before=$(printf '%064d' 0) i=0 && : >"$w/whole"
    while IFS= read -r line; do
        i=$((i + 1)) && previous=$(printf %s "$line" | sed -n "s/^{\"seq\":$i,.*\"previous\":\"\([0-9a-f]*\)\"}\$/\1/p")
        [ "${previous:-$before}" = "$before" ] || return 1
        [ -z "$previous" ] || : >"$w/whole" # without one, a crash cut the line short: it goes with the one before
        [ ! -s "$w/whole" ] || echo >>"$w/whole"
        printf %s "$line" >>"$w/whole" && before=$(hash <"$w/whole")
    done <"$1"
    [ -n "$previous" ] && [ -z "$(tail -c 1 "$1")" ]
}
sealed() { # the module signed what is before line n of the log
    part() { sed -n "$n{s/.*\"$1\":\"\([^\"]*\)\".*/\1/p;}" "$kmdata/ceremony.jsonl"; }
    printf 'byok ceremony log seal v1\nlines %d\nsha256 %s\n' $((n - 1)) "$(part previous)" >"$w/text"
    part signature | base64 -d >"$w/sig" && signed "$w/$(part module)" "$w/sig" "$w/text"
}
over() { # FILE: the log holds the head that it was signed over
    check "the log holds what $1 was signed over" same "$(value "$1" log.sha256)" \
        "$(sed -n "$(value "$1" log.lines)p" $kmdata/ceremony.jsonl | tr -d '\n' | hash)"
    [ -z "$(value "$1" break.reason)" ] || echo "      $1: a part of the record is missing: $(value "$1" break.reason)"
}
find . ! -type d ! -name SHA256SUMS ! -name SHA256SUMS.sig | sed 's,^\./,,' | sort >"$w/there"
check "the folder holds the files of SHA256SUMS and no others" sh -c "cut -c67- SHA256SUMS | sort | cmp - '$w/there'"
check "every file has its SHA-256" sha256sum -c --strict SHA256SUMS
value $kmdata/world knso.public_key >"$w/knso" && last=$kmdata/world
hknso=$(spki "$w/knso") && [ $# -eq 0 ] || check "hknso on the paper is that of the world" same "$hknso" "$1"
check "the quorum signed the world" signed "$w/knso" $kmdata/world.sig $kmdata/world
over $kmdata/world
for f in "$kmdata"/statements/*.json; do
    check "$f follows the statement before it" same "$(value "$f" previous)" "$(hash <"$last")"
    check "$f is signed by the quorum" signed "$w/knso" "${f%.json}.sig" "$f"
    if [ "$(value "$f" type)" = byok-cards ]; then value "$f" knso.public_key >"$w/knso"
        check "$f is signed by the new quorum" signed "$w/knso" "${f%.json}.new.sig" "$f"; fi
    [ -z "$(value "$f" kml)" ] || value "$f" kml >"$w/$(value "$f" module)"
    over "$f" && last=$f
done
for log in */local/ceremony.jsonl; do check "$log is one chain" chained "$log"; done
for n in $(grep -n '"phase":"seal"' $kmdata/ceremony.jsonl | cut -d: -f1); do check "line $n seals the log" sealed; done
check "the module signed this folder's list" signed "$w/$(cat module)" SHA256SUMS.sig SHA256SUMS
for f in "$kmdata"/key_* "$kmdata"/retired_*; do
    case $f in *.sig | *'*') continue ;; esac
    check "$f is signed by its module" signed "$w/$(value "$f" module)" "$f.sig" "$f"
done
for m in packages/*/*.manifest.json; do
    [ -e "$m" ] && p=${m%.manifest.json} n=pairs.$(value "$m" authorization.pair) || break
    s=$(printf '%s/statements/%06d-authorization.json' $kmdata "$(value "$m" authorization.number)")
    check "$p: approved by the quorum" cmp "$s" "$p.authorization.json"
    check "$p: signed by the module" signed "$w/$(value "$m" module)" "$p.manifest.sig" "$m"
    check "$p: the .byok is the one that was packaged" same "$(value "$m" blob.sha256)" "$(hash <"$p.byok")"
    value "$p.byok" ciphertext | tr '_-' '/+' | awk '{while (length($0) % 4) $0 = $0 "="; print}' | base64 -d >"$w/blob"
    check "$p: what it carries is what was approved" same "$(value "$s" "$n.wrapped_sha256")" "$(hash <"$w/blob")"
    check "$p: for the KEK that was approved" same "$(value "$s" "$n.kek.kid")" "$(value "$p.byok" header.kid)"
    case $(value "$s" "$n.bits") in 384) d=sha384 ;; 521) d=sha512 ;; *) d=sha256 ;; esac
    value "$s" "$n.public_key" >"$w/key" && said 'transfer authorization' "$s" >"$w/text"
    [ ! -s "$w/key" ] || check "$p: the key itself signed the approval" signed "$w/key" "$p.pop.sig" "$w/text" $d
    for a in "KEK kek" "SecurityWorld world"; do check "$p: the ${a% *} package that was judged" \
        grep "^$(value "$s" "$n.kek.${a#* }_package_sha256")  toolset/" SHA256SUMS; done
    a=$(value "$s" "$n.hsm_attestation.sha256")
    [ -z "$a" ] || check "$p: its HSM's attestation" same "$a" "$(hash <"$kmdata/attestations/$a")"
    for proof in "$p".proof-*.json; do
        [ -e "$proof" ] || { echo "      $p: no vault has proved that it holds the key" && break; }
        value "$proof" challenge >"$w/challenge" && said challenge "$w/challenge" >"$w/text"
        value "$proof" signature | base64 -d >"$w/sig"
        [ ! -s "$w/challenge" ] || check "$proof: asked about this approval" same \
            "$(value "$w/challenge" authorization_sha256)" "$(hash <"$s")"
        [ ! -s "$w/sig" ] || check "$proof: signed by the key" signed "$w/key" "$w/sig" "$w/text" $d
    done
done
echo "These rest on people: that hknso, $hknso, and statement $(value "$last" number),
      $(hash <"$last"), the last one, are on the paper; who was present;
      what the vaults' owners said of the KEKs; that vaults made the proofs. KEKs' attestations: byok-online audit."
exit $failed; }
