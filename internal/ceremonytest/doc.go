// Package ceremonytest runs the two programs as people run them: as processes
// of their own, without a terminal or with one, on a SoftHSM and against a
// rehearsal vault that belong to one script alone. It is nothing but tests.
//
// A script (github.com/rogpeppe/go-internal/testscript) starts in a folder
// with card1, card2, card3, online, offline, usb and secrets, in which fresh
// PINs and passphrases lie. Its commands, besides testscript's:
//
//	exits N PROGRAM WORD…      run the program; it must end with status N
//	refuses N PROGRAM WORD…    the same, and no file and no token object may change
//	answers N PROGRAM WORD…    the same as exits, with --output json, whose envelope is checked
//	dialogue N FILE PROGRAM …  run it on a terminal and type what FILE says; stdout is the screen
//	signalled N SIGNAL FILE …  run it, send the signal once FILE is there
//	serve WORD… / halt         start and end this script's rehearsal vault; sets $VAULT
//	deaf                       listen and never answer; sets $DEAF, makes the file connected
//	objects                    list the token's objects on stdout
//	get NAME FIELD FILE        set a variable to a field of a JSON file, or of stdout
//	sum NAME FILE              set a variable to a file's SHA-256
//	flip FILE N, cut FILE N    change byte N of a file, keep its first N bytes
//	edit FILE OLD NEW          replace a text in a file, which must be there
//	readonly DIR               make a folder that nothing can be written into
//	faulty                     compile a PKCS#11 library that can go wrong; sets $SHIM
//	kek DIR [rehearsal]        make a KEK with openssl, and packages for it; sets $KEK and $KID
//	production DIR NAME        make a package of production in software; sets $PRODUCTION to its hknso
//	reported REPORT DIR        type every command that a report gives, in a folder
//	document PAGE HEADING FILE write the commands of a section of docs/PAGE to a file
//	opened DIR NAME KEK        have openssl check a transfer package and unwrap it
//
// Words with @ stand for several, such as @pin for --pin-file secrets/pin: see
// expand. What programs print is compared in the form that normal gives it.
// After every script its logs are verified, and nothing that it printed or
// wrote may hold a secret.
package ceremonytest
