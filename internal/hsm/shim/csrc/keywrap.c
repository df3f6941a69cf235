/*
 * CKM_RSA_AES_KEY_WRAP (PKCS#11 v2.40, section 2.1.21) out of what the real
 * library has: CKM_AES_KEY_WRAP_PAD under an AES key, and that key with
 * CKM_RSA_PKCS_OAEP under the RSA key.
 *
 * A real module makes the AES key afresh inside the call. Here only the
 * security officer can make a key that a WRAP_WITH_TRUSTED key may be wrapped
 * under, so it is made when he creates a trusted RSA key: an AES key, on the
 * token or of the session as that is, trusted, with the RSA key's CKA_ID, which
 * C_FindObjects never shows and C_DestroyObject destroys with the RSA key. It
 * serves every call with that RSA key, whose CKA_ALLOWED_MECHANISMS becomes
 * what the real library is asked for in the end. Under an untrusted RSA key an AES key of the user's
 * is used, and the real library refuses what it should.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

static const CK_UTF8CHAR label[] = "pkcs11-shim: AES key of CKM_RSA_AES_KEY_WRAP";
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY, public_key = CKO_PUBLIC_KEY;
static CK_KEY_TYPE rsa = CKK_RSA;
static CK_ULONG aes_bytes = 32;

#define FLAG(type, value) { type, &(value), sizeof(CK_BBOOL) }
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The functions as the parts before this one left them. */
static CK_FUNCTION_LIST inner;

static CK_BBOOL flag_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE a = { type, &value, sizeof value };
	return real->C_GetAttributeValue(session, object, &a, 1) == CKR_OK && value;
}

int hidden_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_UTF8CHAR value[sizeof label];
	CK_ATTRIBUTE a = { CKA_LABEL, value, sizeof value };
	return real->C_GetAttributeValue(session, object, &a, 1) == CKR_OK && a.ulValueLen == sizeof label - 1 &&
	       !memcmp(value, label, sizeof label - 1);
}

/* id_of reads an object's CKA_ID into a, whose buffer has room. */
static int id_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a)
{
	return real->C_GetAttributeValue(session, object, a, 1) == CKR_OK && a->ulValueLen > 0;
}

/* make_aes makes a trusted AES key as lasting as an RSA key is, or one for a call. */
static CK_RV make_aes(CK_SESSION_HANDLE session, CK_BBOOL trusted, CK_BBOOL on_token, CK_ATTRIBUTE id, CK_OBJECT_HANDLE *key)
{
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE template[] = {
		{ CKA_VALUE_LEN, &aes_bytes, sizeof aes_bytes }, { CKA_LABEL, (void *)label, sizeof label - 1 },
		FLAG(CKA_TOKEN, on_token), FLAG(CKA_PRIVATE, no), FLAG(CKA_SENSITIVE, no), FLAG(CKA_EXTRACTABLE, yes),
		FLAG(CKA_WRAP, yes), id, FLAG(CKA_TRUSTED, yes),
	};
	return real->C_GenerateKey(session, &generate, template, trusted ? COUNT(template) : COUNT(template) - 2, key);
}

/* find_aes returns the hidden AES key of a trusted RSA key, or 0. A module that
 * is weak there takes any for any RSA key. */
static CK_OBJECT_HANDLE find_aes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE rsa_key)
{
	CK_BYTE buffer[256];
	CK_ATTRIBUTE id = { CKA_ID, buffer, sizeof buffer };
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG n = 0;
	CK_ATTRIBUTE template[] = { { CKA_LABEL, (void *)label, sizeof label - 1 }, { CKA_CLASS, &secret_key, sizeof secret_key }, id };
	int by_id = flag_of(session, rsa_key, CKA_TRUSTED) && id_of(session, rsa_key, &template[2]);
	if (!by_id && !weak("untrusted-rsa"))
		return 0;
	if (real->C_FindObjectsInit(session, template, by_id ? 3 : 2) != CKR_OK)
		return 0;
	real->C_FindObjects(session, &key, 1, &n);
	real->C_FindObjectsFinal(session);
	return n ? key : 0;
}

static int has(const CK_ATTRIBUTE *list, CK_ULONG n, CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG length)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (list[i].type == type)
			return list[i].ulValueLen == length && !memcmp(list[i].pValue, value, length);
	return 0;
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR t, CK_ULONG n, CK_OBJECT_HANDLE_PTR object)
{
	CK_BYTE buffer[256];
	CK_ATTRIBUTE id = { CKA_ID, buffer, sizeof buffer };
	CK_OBJECT_HANDLE key;
	CK_RV rv;
	for (CK_ULONG i = 0; setting("SHIM_RSA_AES") && i < n; i++)
		if (t[i].type == CKA_ALLOWED_MECHANISMS && *(CK_MECHANISM_TYPE *)t[i].pValue == CKM_RSA_AES_KEY_WRAP)
			*(CK_MECHANISM_TYPE *)t[i].pValue = CKM_RSA_PKCS_OAEP; /* the binding's copy */
	rv = inner.C_CreateObject(session, t, n, object);
	if (rv != CKR_OK || !setting("SHIM_RSA_AES") || !by_officer(session) || !has(t, n, CKA_TRUSTED, &yes, sizeof yes) ||
	    !has(t, n, CKA_CLASS, &public_key, sizeof public_key) || !has(t, n, CKA_KEY_TYPE, &rsa, sizeof rsa) ||
	    !id_of(session, *object, &id))
		return rv;
	return make_aes(session, yes, flag_of(session, *object, CKA_TOKEN), id, &key);
}

static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_OBJECT_HANDLE key = flag_of(session, object, CKA_TRUSTED) ? find_aes(session, object) : 0;
	CK_RV rv = inner.C_DestroyObject(session, object);
	if (rv == CKR_OK && key && key != object)
		rv = real->C_DestroyObject(session, key);
	return rv;
}

/* A hash of the real library, in a session of its own. */
struct hash {
	CK_SESSION_HANDLE session;
	CK_MECHANISM_TYPE type;
	CK_ULONG size;
};

static CK_RV digest(struct hash *h, CK_BYTE *data, CK_ULONG length, CK_BYTE *out)
{
	CK_MECHANISM m = { h->type, NULL, 0 };
	CK_RV rv = real->C_DigestInit(h->session, &m);
	h->size = 64;
	return rv == CKR_OK ? real->C_Digest(h->session, data, length, out, &h->size) : rv;
}

/* mask adds MGF1(seed) to data (RFC 8017, B.2.1). */
static CK_RV mask(struct hash *h, const CK_BYTE *seed, CK_ULONG seed_length, CK_BYTE *data, CK_ULONG length)
{
	CK_BYTE input[512 + 4], output[64];
	memcpy(input, seed, seed_length);
	for (CK_ULONG at = 0, counter = 0; at < length; at += h->size, counter++) {
		CK_BYTE big_endian[4] = { counter >> 24, counter >> 16, counter >> 8, counter };
		memcpy(input + seed_length, big_endian, sizeof big_endian);
		CK_RV rv = digest(h, input, seed_length + 4, output);
		if (rv != CKR_OK)
			return rv;
		for (CK_ULONG i = 0; i < h->size && at + i < length; i++)
			data[at + i] ^= output[i];
	}
	return CKR_OK;
}

/* encode is EME-OAEP with an empty label (RFC 8017, 7.1.1, step 2): k bytes. */
static CK_RV encode(struct hash *h, const CK_BYTE *message, CK_ULONG length, CK_BYTE *out, CK_ULONG k)
{
	CK_BYTE empty[64], nothing = 0;
	CK_RV rv = digest(h, &nothing, 0, empty);
	CK_BYTE *seed = out + 1, *block = seed + h->size;
	CK_ULONG block_length = k - 1 - h->size;
	if (rv != CKR_OK || length + 2 * h->size + 2 > k)
		return rv != CKR_OK ? rv : CKR_KEY_SIZE_RANGE;
	memset(out, 0, k);
	memcpy(block, empty, h->size);
	block[block_length - length - 1] = 1;
	memcpy(block + block_length - length, message, length);
	if ((rv = real->C_GenerateRandom(h->session, seed, h->size)) == CKR_OK &&
	    (rv = mask(h, seed, h->size, block, block_length)) == CKR_OK)
		rv = mask(h, block, block_length, seed, h->size);
	return rv;
}

/* encrypt is textbook RSA with a copy of the key that may encrypt. */
static CK_RV encrypt(CK_SESSION_HANDLE session, CK_ATTRIBUTE n, CK_ATTRIBUTE e, CK_BYTE *data, CK_BYTE *out, CK_ULONG *length)
{
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	CK_OBJECT_HANDLE key;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &public_key, sizeof public_key }, { CKA_KEY_TYPE, &rsa, sizeof rsa }, FLAG(CKA_TOKEN, no), FLAG(CKA_ENCRYPT, yes), n, e,
	};
	CK_RV rv = real->C_CreateObject(session, template, COUNT(template), &key);
	if (rv == CKR_OK && (rv = real->C_EncryptInit(session, &raw, key)) == CKR_OK)
		rv = real->C_Encrypt(session, data, n.ulValueLen, out, length);
	return rv;
}

/* faulty_oaep wraps the value of a key with a hash of its own choice. */
static CK_RV faulty_oaep(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE rsa_key, CK_ATTRIBUTE value, CK_MECHANISM_TYPE hash, CK_BYTE *out,
			 CK_ULONG *length)
{
	CK_BYTE modulus[512], exponent[8], encoded[512];
	CK_ATTRIBUTE public[] = { { CKA_MODULUS, modulus, sizeof modulus }, { CKA_PUBLIC_EXPONENT, exponent, sizeof exponent } };
	struct hash h = { .type = hash };
	CK_SESSION_INFO info;
	CK_RV rv = real->C_GetAttributeValue(session, rsa_key, public, 2);
	if (rv != CKR_OK || (rv = real->C_GetSessionInfo(session, &info)) != CKR_OK)
		return rv;
	if (*length < public[0].ulValueLen) {
		*length = public[0].ulValueLen;
		return CKR_BUFFER_TOO_SMALL;
	}
	if ((rv = real->C_OpenSession(info.slotID, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h.session)) != CKR_OK)
		return rv;
	if ((rv = encode(&h, value.pValue, value.ulValueLen, encoded, public[0].ulValueLen)) == CKR_OK)
		rv = encrypt(h.session, public[0], public[1], encoded, out, length);
	real->C_CloseSession(h.session);
	return rv;
}

/* wrap_oaep wraps a key with RSA-OAEP, by the hash asked for or by the one that
 * the environment variable fault names. */
static CK_RV wrap_oaep(const char *fault, CK_SESSION_HANDLE session, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE rsa_key, CK_OBJECT_HANDLE key,
		       CK_BYTE *out, CK_ULONG *length)
{
	CK_BYTE buffer[128];
	CK_ATTRIBUTE value = { CKA_VALUE, buffer, sizeof buffer };
	CK_ULONG asked = 0;
	CK_RV rv = inner.C_WrapKey(session, m, rsa_key, key, NULL, &asked);
	if (rv != CKR_OK)
		return rv; /* refused for its attributes */
	if (!out || !setting(fault) || real->C_GetAttributeValue(session, key, &value, 1) != CKR_OK)
		return inner.C_WrapKey(session, m, rsa_key, key, out, length);
	return faulty_oaep(session, rsa_key, value, strtoul(setting(fault), NULL, 0), out, length);
}

/* wrap_both is the mechanism: first the AES key, then the target under it. */
static CK_RV wrap_both(CK_SESSION_HANDLE session, CK_RSA_AES_KEY_WRAP_PARAMS *p, CK_OBJECT_HANDLE rsa_key, CK_OBJECT_HANDLE aes,
		       CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *length)
{
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, p->pOAEPParams, sizeof *p->pOAEPParams }, pad = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_ULONG first = 0, second = 0;
	CK_RV rv = wrap_oaep("SHIM_RSA_AES_HASH", session, &oaep, rsa_key, aes, NULL, &first);
	if (rv != CKR_OK || (rv = inner.C_WrapKey(session, &pad, aes, key, NULL, &second)) != CKR_OK)
		return rv;
	if (!out || *length < first + second) {
		*length = first + second;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	if ((rv = wrap_oaep("SHIM_RSA_AES_HASH", session, &oaep, rsa_key, aes, out, &first)) == CKR_OK)
		rv = inner.C_WrapKey(session, &pad, aes, key, out + first, &second);
	*length = first + second;
	return rv;
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
	CK_RSA_AES_KEY_WRAP_PARAMS *p = m->pParameter;
	CK_OBJECT_HANDLE aes, fresh = 0;
	CK_RV rv;
	if (m->mechanism == CKM_RSA_PKCS_OAEP)
		return wrap_oaep("SHIM_OAEP_HASH", session, m, wrapping, key, out, length);
	if (m->mechanism != CKM_RSA_AES_KEY_WRAP || !setting("SHIM_RSA_AES"))
		return inner.C_WrapKey(session, m, wrapping, key, out, length);
	if (!p || m->ulParameterLen != sizeof *p || !p->pOAEPParams || p->ulAESKeyBits != 8 * aes_bytes)
		return CKR_MECHANISM_PARAM_INVALID;
	aes = find_aes(session, wrapping);
	if (!aes) {
		if ((rv = make_aes(session, no, no, (CK_ATTRIBUTE){ 0 }, &fresh)) != CKR_OK)
			return rv;
		aes = fresh;
	}
	rv = wrap_both(session, p, wrapping, aes, key, out, length);
	if (fresh)
		real->C_DestroyObject(session, fresh);
	return rv;
}

void keywrap_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_CreateObject = create_object;
	list->C_DestroyObject = destroy_object;
	list->C_WrapKey = wrap_key;
}
