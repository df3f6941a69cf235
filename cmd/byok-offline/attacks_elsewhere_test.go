package main

import "slices"

// elsewhere are attacks that the tests of other packages hold.
func elsewhere() []otherAttack {
	return slices.Concat(elsewhereOnTheToken(), elsewhereOnTheRecord(), elsewhereOnline())
}

const operator = "the operator"

func elsewhereOnTheToken() []otherAttack {
	return []otherAttack{
		{"copy a trusted key with each use, to token and session", operator,
			"refused, or the session ends before a card is read", "internal/keys.TestAttackTrustedKeysCopied"},
		{"make a key without WRAP_WITH_TRUSTED, wrap it out, set the attribute afterwards", operator,
			"whatever the token shows, its origin is unproved: only a statement says otherwise",
			"internal/kmdata.TestOriginOf"},
		{"put a trusted key on the token while the holders look", "whoever knows the SO PIN",
			"refused before anything is wrapped", "internal/keys.TestAttackTrustedWhileShown"},
		{"put a trusted key on the token between the look and the wrap", "whoever knows the SO PIN",
			"refused, and nothing is written", "internal/keys.TestAttackTrustedBeforeWrapping"},
		{
			"exchange the key while the holders look",
			operator,
			"refused",
			"internal/keys.TestAttackExchangeWhileShown",
		},
		{
			"a login and session objects that all clients of a module share (pkcs11-proxy)",
			"a second process without a PIN",
			"the module reaches no guard",
			"internal/secondproc.TestProveOnLibrariesThatShare",
		},
		{"exchange the halves of all packages of a batch, and of backups", operator,
			"no package opens; what opens of a backup does not prove itself", "internal/keys.TestAttackExchangedHalves"},
		{"bring KM, or an earlier KM, as the KEK", operator, "refused", "internal/keys.TestApproveKM"},
		{"hide a key's file and plant the note of an interrupted generation", "whoever edits kmdata later",
			"no key is destroyed", "internal/keys.TestAttackPlantedNote"},
		{"exchange a key for another under such a note", operator, "refused: it does not prove itself",
			"internal/keys.TestAttackPlantedKey"},
		{"plant the note of an interrupted creation beside a world", "whoever edits kmdata later", "refused",
			"internal/world.TestAttackPendingNote"},
		{
			"a KML of one's own on the token of a new world",
			operator,
			"it is made again",
			"internal/world.TestAttackPlantedKML",
		},
		{"leave anything on a token that is adopted", "the former security officer", "refused before a card is dealt",
			"internal/world.TestAttackAdoptedTokenNotEmpty"},
		{"put a trusted key on a token while it is adopted", "the former security officer", "refused",
			"internal/world.TestAttackAdoptedMeanwhile"},
		{"have the officer trust a key of one's own (guard trust-by-tool)", "operator and crypto officer together",
			"they export, as the guard says; the next quorum session names the key", "internal/keys.TestAttackByTool"},
		{
			"put a key of one's own in KM's place (guard trust-by-tool)",
			operator,
			"refused",
			"internal/keys.TestAttackOtherKM",
		},
		{"change the user PIN that the cards hold (guard login)", "whoever knows the SO PIN",
			"said as what it is; K cards set it back", "internal/world.TestLoginPINChanged"},
		{"two quorum sessions at once, in two copies of kmdata", operator, "the second is refused",
			"internal/session.TestOneSession"},
	}
}

func elsewhereOnTheRecord() []otherAttack {
	return []otherAttack{
		{"alter every value of every statement, and sign it with KML or another KNSO", operator, "status 3, by name",
			"internal/kmdata.TestEveryFieldIsSigned"},
		{
			"merge the files of two worlds",
			"whoever edits kmdata later",
			"status 3, by name",
			"internal/kmdata.TestMergedWorlds",
		},
		{"go on with two copies of one world, and merge them", "whoever edits kmdata later", "a fork, by name",
			"internal/kmdata.TestForkOfOneWorld"},
		{"sign with the KNSO of replaced cards", "K holders of replaced cards", "refused",
			"internal/world.TestAttackOldCardsSign"},
		{"open what was made since with replaced cards", "K holders of replaced cards", "nothing opens",
			"internal/world.TestAttackOldCards"},
		{"use a module that was absent from the replacement", "K holders of replaced cards",
			"it stays open to them, is named in every report, and takes no transfer",
			"internal/world.TestAttackOtherModuleStaysOpen"},
		{"package what replaced cards approved", operator, "refused", "internal/packing.TestAttackApprovalOfOldCards"},
		{
			"put another sealed blob in the place of KNSO's",
			operator,
			"refused: it does not match the signed public half",
			"internal/session.TestSealedWrongKey",
		},
		{"sign with the KML of a module that was struck off", "a thief of the module", "refused",
			"internal/kmdata.TestKeyOfAModuleStruckOff"},
		{"guess a card's passphrase from a copy of the card", "whoever had the medium in hand",
			"seven drawn words: 90 bits", "internal/cards.TestDrawIsUniform"},
	}
}

func elsewhereOnline() []otherAttack {
	const workstation = "a hostile connected workstation"
	return []otherAttack{
		{
			"a KEK that deciphers, signs, derives, or has another exponent",
			workstation,
			"refused, with attestation or without",
			"internal/attest.TestFaults",
		},
		{
			"take the attestation off, or spoil it, and say Premium",
			workstation,
			"refused for a Managed HSM's host name, and " +
				"wherever an attestation fails",
			"internal/attest.TestTheOwnersWordOutweighsNothingElse",
		},
		{"change the packages between the hash and the use", workstation, "they are read once",
			"internal/attest.TestHashesAreOfTheBytesRead"},
		{"a package with an authorization, a KML and an hknso of one's own", workstation,
			"hknso comes from a person, and never from a package", "internal/worlds.TestTrust"},
		{"an authorization of another key, KEK, vault, name or card set; a manifest without one", operator,
			"status 3, by name", "internal/transfer.TestVerifyRefuses"},
		{"import what was approved under another name, with other operations, or releasable",
			"whoever may import into the vault", "`upload` refuses; who imports by other means is not stopped, and `verify` " +
				"names the copies", "internal/vault.TestCopies"},
		{"upload a key as the next version of another one's name, which it does not follow",
			"whoever may import into the vault", "`upload` refuses: it compares the current version with the key that the " +
				"quorum approved to be followed", "internal/succession.TestCheck"},
		{
			"read back other operations, or a key that can be released",
			"whoever may import into the vault",
			"`verify` fails",
			"internal/approval.TestDifferences",
		},
		{"a challenge that asks for a token of another service", "a hostile vault", "no token is sent",
			"internal/vault/endpoint.TestGuard"},
		{"a test vault that calls itself a production vault", "a hostile vault", "the result says test",
			"internal/vault.TestTestVaultCallsItselfOtherwise"},
		{"answer for another version of a key", "a hostile vault", "refused", "internal/vault.TestAnotherVersion"},
		{"pages without end", "a hostile vault", "an end after a bound", "internal/vault.TestListsEnd"},
		{"a password in a URL, for the record to keep", "an operator in a hurry", "it is taken out",
			"internal/command.TestPasswordsInURLs"},
		{"a link in the place of a part of a download", "another user of the workstation", "refused",
			"internal/download.TestInTheWay"},
		{"a name with a blank, a quote or $(…) in it, in a hint that is pasted", "whoever names files",
			"it is quoted", "cmd/byok-online.TestHostileWords"},
	}
}
