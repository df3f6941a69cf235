package choice

import "byok/internal/keykind"

// Offline returns what options of byok-offline take, by their names.
func Offline() map[string]Choice {
	return map[string]Choice{
		"type":  keyType(),
		"curve": curve(),
		"size":  {Words: []string{"2048", "3072", "4096", "128", "192", "256"}, Open: true},
		"app":   {Words: []string{"simple", "xferacld"}},
		"guard": {Words: []string{"trust", "trust-shared", "trust-by-tool", "login", "login-shared"}},
		// Others are for the key's type to refuse.
		"key-op":  {Words: keyOps(), Open: true},
		"protect": {Words: []string{"module"}, Open: true},
	}
}

// Keys returns what the options of a key in a vault take, by their names.
func Keys() map[string]Choice {
	return map[string]Choice{
		"kty":   keyTypeInVault(),
		"curve": curve(),
		"size":  {Words: []string{"2048", "3072", "4096"}, Open: true},
	}
}

func keyType() Choice {
	return Choice{
		Words: []string{string(keykind.RSA), string(keykind.EC), string(keykind.AES)},
		Also: map[string]string{
			"rsahsm": string(keykind.RSA), "echsm": string(keykind.EC), "octhsm": string(keykind.AES),
			"ecdsa": string(keykind.EC), "ecc": string(keykind.EC), "oct": string(keykind.AES),
		},
	}
}

// keyTypeInVault is the service's name of a type (JWK "kty").
func keyTypeInVault() Choice {
	return Choice{
		Words: []string{keykind.RSAHSM, keykind.ECHSM, keykind.OctHSM},
		Also: map[string]string{
			"rsa": keykind.RSAHSM, "ec": keykind.ECHSM, "oct": keykind.OctHSM, "aes": keykind.OctHSM,
		},
	}
}

// curve has the names of SEC 2, X9.62 and NIST, and JOSE's of P-256K.
func curve() Choice {
	return Choice{
		Words: []string{"P-256", "P-384", "P-521", "P-256K"},
		Also: map[string]string{
			"secp256r1": "P-256", "prime256v1": "P-256", "nistp256": "P-256",
			"secp384r1": "P-384", "nistp384": "P-384",
			"secp521r1": "P-521", "nistp521": "P-521",
			"secp256k1": "P-256K", "es256k": "P-256K",
		},
	}
}

// keyOps are the operations of all types.
func keyOps() []string { return keykind.KeyOps(keykind.RSAHSM) }
