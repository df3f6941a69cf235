#!/usr/bin/env bash
# title: NetHSM, without a server
# packages: nethsm-pkcs11
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of nethsm-pkcs11)
module=$libraries/pkcs11/libnethsm_pkcs11.so
mkdir -p /etc/nitrokey
cat >/etc/nitrokey/p11nethsm.conf <<-EOF
	slots:
	  - label: nethsm
	    operator:
	      username: operator
	      password: "no secret"
	    instances:
	      - url: "https://127.0.0.1:8443/api/v1"
	        danger_insecure_cert: true
EOF
check 4 --hsm-network
refused "its slot does not answer" "slot 0 does not answer (CKR_FUNCTION_FAILED)"
