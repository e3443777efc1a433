// SPDX-License-Identifier: Apache-2.0
// Where plaintext of Java passes the kernel's eye: SondeTls1 calls in here, and a kernel program sits on sonde_java_plaintext. Linked to
// nothing, so that it loads beside any C library.

#include <jni.h>
#include <stdint.h>

/* As many as agent.payloadBytes may be. */
#define MOST 4096

/*
 * session: one number for each TLS session of the process. where: the socket's descriptor, 0xffffffff where it is not known; above it 0
 * received, 1 sent. bytes: the first of `length`, as many as were copied. records: bytes of TLS records that the session made just now,
 * not yet written to the socket; 0 where it writes them itself. Begins with an instruction that needs no single step.
 */
__attribute__((naked, noinline, visibility("default"))) void sonde_java_plaintext(uint64_t session, uint64_t where, const void *bytes,
										  uint64_t length, uint64_t records)
{
	__asm__("nop\n\tret");
}

JNIEXPORT void JNICALL Java_sun_security_ssl_SondeTls1_bytes(JNIEnv *env, jclass type, jlong session, jlong where, jbyteArray array,
							     jint offset, jint length, jint records)
{
	jbyte copy[MOST];
	jint copied = length < MOST ? length : MOST;

	(void)type;
	if (copied > 0) {
		(*env)->GetByteArrayRegion(env, array, offset, copied, copy);
		if ((*env)->ExceptionCheck(env)) {
			(*env)->ExceptionClear(env);
			return;
		}
	}
	sonde_java_plaintext(session, where, copy, length, records);
}

JNIEXPORT void JNICALL Java_sun_security_ssl_SondeTls1_direct(JNIEnv *env, jclass type, jlong session, jlong where, jobject buffer,
							      jint offset, jint length, jint records)
{
	const char *address = (*env)->GetDirectBufferAddress(env, buffer);

	(void)type;
	if (address)
		sonde_java_plaintext(session, where, address + offset, length, records);
}
