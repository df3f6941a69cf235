// Package yubihsm simulates a YubiHSM 2 behind its connector, so that the
// vendor's own library (yubihsm_pkcs11.so) and yubihsm-shell run against it.
// [New] makes a device in the factory's state, which is an [http.Handler] with
// the two addresses of yubihsm-connector; [Open] is a client for tests, and
// internal/testkit/yubihsm/connector is a program that listens.
//
// The messages are those of Yubico's YubiHSM 2 user guide, chapter "YubiHSM
// Command Reference", inside a channel of GlobalPlatform's SCP03 with AES-128.
// What counts in a ceremony is kept as the device has it: sixteen sessions,
// each closed after 30 seconds of silence; a command needs its capability in
// the authentication key and, where it uses an object, in that object;
// whatever is made gets no more capabilities and domains than the
// authentication key may delegate; a wrap key exports only what it delegates;
// what shares no domain with the session does not exist.
//
// Rules that the user guide leaves open, and that were not tried on a device:
// delegated capabilities are compared bit by bit, so one that asks for all 64
// needs a key that delegates all 64; a login with an authentication key that
// does not exist is "object not found"; an imported key needs "import-wrapped"
// and no other capability.
//
// Left out: asymmetric and YubiKey authentication, curves that Go lacks,
// Ed25519, OTP, SSH, templates, attestation, HMAC, options, a label in OAEP.
// Their commands answer wire.InvalidCommand, and [Device] does not list their
// algorithms.
//
// Keys lie in memory in clear and end with the process. It is for tests: no
// program may keep a secret in it.
package yubihsm
