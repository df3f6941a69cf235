/* What the shim's parts share. See shim.c for what it does and how it is steered. */
#ifndef SHIM_H
#define SHIM_H

#define CK_PTR *
#define CK_DEFINE_FUNCTION(type, name) type name
#define CK_DECLARE_FUNCTION(type, name) type name
#define CK_DECLARE_FUNCTION_POINTER(type, name) type(*name)
#define CK_CALLBACK_FUNCTION(type, name) type(*name)
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include "pkcs11.h"

/* real is the function list of the library behind the shim. The parts of the
 * shim call it directly: such calls are neither counted nor steered. */
extern CK_FUNCTION_LIST *real;

/* Each part replaces the functions it changes in a copy of real's list. */
void hide_install(CK_FUNCTION_LIST *list);
void weak_install(CK_FUNCTION_LIST *list);
void keywrap_install(CK_FUNCTION_LIST *list);
void quirk_install(CK_FUNCTION_LIST *list);
void derive_install(CK_FUNCTION_LIST *list);
void later_install(CK_FUNCTION_LIST *list);
void slots_install(CK_FUNCTION_LIST *list);
void forms_install(CK_FUNCTION_LIST *list);
void vendors_install(CK_FUNCTION_LIST *list);
void small_install(CK_FUNCTION_LIST *list);
void renamed_install(CK_FUNCTION_LIST *list);
void nss_install(CK_FUNCTION_LIST *list);
void tool_install(CK_FUNCTION_LIST *list);
void rights_install(CK_FUNCTION_LIST *list);

/* setting returns an environment variable, or what the profile sets in its place; NULL if it is unset or empty. */
const char *setting(const char *name);

/* word_in reports whether a comma-separated setting has the word. */
int word_in(const char *name, const char *word);

/* quirk reports whether SHIM_QUIRKS has the word. */
int quirk(const char *word);

/* refused_socket reports whether the kernel refuses this process one of the sockets that a comma-separated list names. */
int refused_socket(const char *families);

/* configured is a switch of the file beside the library, or NULL. */
const char *configured(const char *name);

/* preset is what a quirk or the profile sets of a switch, or NULL. */
const char *preset(const char *name);

/* listed reports whether a comma-separated setting has the number (decimal or 0x hex). */
int listed(const char *name, CK_ULONG number);

/* hidden_object reports whether an object is the shim's own. */
int hidden_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);

/* weak reports whether SHIM_WEAK has the word. */
int weak(const char *word);

/* by_officer reports whether the security officer is logged in. */
int by_officer(CK_SESSION_HANDLE session);

#endif
