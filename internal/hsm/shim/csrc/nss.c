/*
 * What the switches of profile.c cannot say of NSS softoken (3.132; lib/softoken/
 * pkcs11.c and pkcs11c.c): SHIM_PROFILE=nss. That CKM_AES_KEY_WRAP_PAD is another
 * padding there is not played.
 */
#include <string.h>

#include "shim.h"

static CK_FUNCTION_LIST inner;

static int is_nss(void)
{
	const char *profile = setting("SHIM_PROFILE");
	return profile && !strcmp(profile, "nss");
}

static int logged_in(CK_SESSION_HANDLE s)
{
	CK_SESSION_INFO info;
	return real->C_GetSessionInfo(s, &info) == CKR_OK &&
	       (info.state == CKS_RW_USER_FUNCTIONS || info.state == CKS_RO_USER_FUNCTIONS);
}

/* login: there is no SO once a user PIN is set. */
static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
	CK_SESSION_INFO at;
	CK_TOKEN_INFO token;
	if (is_nss() && type == CKU_SO && real->C_GetSessionInfo(s, &at) == CKR_OK &&
	    real->C_GetTokenInfo(at.slotID, &token) == CKR_OK && token.flags & CKF_USER_PIN_INITIALIZED)
		return CKR_USER_TYPE_INVALID;
	return inner.C_Login(s, type, pin, length);
}

/* wrap_key: asked for a length, it says too little, and the second call finds that out. */
static CK_RV wrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE outer, CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
	CK_RV rv = inner.C_WrapKey(s, m, outer, key, out, length);
	if (rv == CKR_OK && !out && is_nss() && m->mechanism != CKM_RSA_PKCS_OAEP)
		*length -= 12;
	return rv;
}

/* sign_init: the value of a private key cannot be opened without the login. */
static CK_RV sign_init(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key)
{
	return is_nss() && !logged_in(s) ? CKR_HOST_MEMORY : inner.C_SignInit(s, m, key);
}

void nss_install(CK_FUNCTION_LIST *list)
{
	inner = *list;
	list->C_Login = login;
	list->C_WrapKey = wrap_key;
	list->C_SignInit = sign_init;
}
