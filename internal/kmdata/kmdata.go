// Package kmdata reads, verifies and writes the files of a security world: the
// statements that a quorum signed, and the key files that a module signed.
//
// [Open] verifies a kmdata folder whole and returns its [Chain]: the world file
// and every later statement, each signed by the KNSO in force, numbered, and
// carrying the SHA-256 of the one before. Ask the chain for what is in force:
// the card set, the modules, a key's origin, the authorizations. Read key
// files with [Chain.Key] and [Chain.Keys], which hold each to the KML that a
// statement certifies. What a single statement says, and may say, is package
// statement's.
//
// What this package cannot show: a record that was cut together with all its
// later statements verifies. Compare the last statement's number and words
// with the token's anchor, with paper, or with a later copy.
//
// Nothing here touches an HSM, a terminal or the network, so that an auditor's
// laptop and byok-online verify a folder with the same code. Do not read a
// file of kmdata by other means.
package kmdata

import (
	"fmt"
	"path/filepath"
	"strings"

	"byok/internal/statement"
)

// MaxFile is the most bytes that a file of kmdata may have: as many as a
// statement, which is the largest.
const MaxFile = statement.MaxFile

// Applications that a key file can belong to: the key itself, and its copy
// with reduced permissions, wrapped for one KEK.
const (
	Simple   = "simple"
	Transfer = "xferacld"
)

// Folders inside a kmdata folder.
const (
	localName      = "local"
	statementsName = "statements"
	worldName      = "world"
)

// LogName is the name of the ceremony log in the local folder.
const LogName = "ceremony.jsonl"

// Local is the folder of world, key files, statements and log inside the
// kmdata folder dir.
func Local(dir string) string { return filepath.Join(dir, localName) }

// StatementsDir is the folder of every statement but the world file.
func StatementsDir(dir string) string { return filepath.Join(dir, localName, statementsName) }

// WorldPath is the path of the world file, statement number 1.
func WorldPath(dir string) string { return filepath.Join(dir, localName, worldName) }

// SignaturePath is the path of the signature of the file at path: .sig in
// place of .json, or behind a name without it.
func SignaturePath(path string) string { return strings.TrimSuffix(path, ".json") + ".sig" }

// SecondPath is the path of the new KNSO's signature over the card replacement
// at path: .new.sig in place of .json.
func SecondPath(path string) string { return strings.TrimSuffix(path, ".json") + ".new.sig" }

// KeyName is both the name of a key file and the label of its key on the token.
func KeyName(app, ident string) string { return fmt.Sprintf("key_%s_%s", app, ident) }

// TransferName is the name of the key file of a transfer copy: the pair with
// the index, counted from 0, of the authorization with the number.
func TransferName(ident string, number, index int) string {
	return fmt.Sprintf("%s_%06d-%d", KeyName(Transfer, ident), number, index)
}

// RetiredName is the name of the record that a key was destroyed.
func RetiredName(ident string) string { return "retired_" + KeyName(Simple, ident) }
