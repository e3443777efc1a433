// SPDX-License-Identifier: Apache-2.0
package sun.security.ssl;

import java.io.FileDescriptor;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.Socket;
import java.net.SocketImpl;
import java.nio.ByteBuffer;
import sun.nio.ch.SelChImpl;

/**
 * Stands between JSSE and its records: calls that encrypt and decrypt are led through here while an agent of Sonde follows them
 * (SondeAgent.java). Each method first does what it stands for, with the same arguments and the same outcome, and then tells native code
 * (plaintext.c) where the plaintext lies; whatever goes wrong in the telling is dropped. Lives in JSSE's package, because what it stands
 * for is only to be called from there. The number in the name changes with what is told.
 */
final class SondeTls1 {
    private static final int received = 0;
    private static final int sent = 1;
    private static final byte[] nothing = new byte[1];

    private static volatile boolean isOn;
    private static boolean isLoaded;
    private static Field layered, implementation, number;
    private static Method descriptor;

    private SondeTls1() {}

    static synchronized void start(String library) throws ReflectiveOperationException {
        if (!isLoaded) {
            layered = open(BaseSSLSocketImpl.class.getDeclaredField("self"));
            implementation = open(Socket.class.getDeclaredField("impl"));
            number = open(FileDescriptor.class.getDeclaredField("fd"));
            descriptor = SocketImpl.class.getDeclaredMethod("getFileDescriptor");
            descriptor.setAccessible(true);
            System.load(library);
            isLoaded = true;
        }
        isOn = true;
    }

    static void stop() {
        isOn = false;
    }

    private static Field open(Field field) {
        field.setAccessible(true);
        return field;
    }

    /** For SSLTransport.decode: a record of a socket or an engine. */
    static Plaintext decode(
            TransportContext context,
            ByteBuffer[] srcs, int srcsOffset, int srcsLength,
            ByteBuffer[] dsts, int dstsOffset, int dstsLength) throws IOException {
        int[] before = isOn ? positions(dsts, dstsOffset, dstsLength) : null;
        Plaintext plaintext = SSLTransport.decode(context, srcs, srcsOffset, srcsLength, dsts, dstsOffset, dstsLength);
        if (before != null) tell(context, received, dsts, dstsOffset, before, 0);
        return plaintext;
    }

    /** For OutputRecord.encode: a record of an engine, of the handshake too. */
    static Ciphertext encode(
            OutputRecord record,
            ByteBuffer[] srcs, int srcsOffset, int srcsLength,
            ByteBuffer[] dsts, int dstsOffset, int dstsLength) throws IOException {
        boolean isTold = isOn;
        int[] before = isTold ? positions(srcs, srcsOffset, srcsLength) : null;
        int[] room = isTold ? positions(dsts, dstsOffset, dstsLength) : null;
        Ciphertext ciphertext = record.encode(srcs, srcsOffset, srcsLength, dsts, dstsOffset, dstsLength);
        if (room != null) tell(record.tc, sent, srcs, srcsOffset, before, moved(dsts, dstsOffset, room));
        return ciphertext;
    }

    /** For OutputRecord.deliver: what a socket is given to write. */
    static void deliver(OutputRecord record, byte[] bytes, int offset, int length) throws IOException {
        record.deliver(bytes, offset, length);
        if (!isOn) return;
        try {
            TransportContext context = record.tc;
            bytes(session(context), where(context, sent), bytes, offset, length, 0);
        } catch (Throwable dropped) {
        }
    }

    /** Of each buffer; null when there are none. */
    private static int[] positions(ByteBuffer[] buffers, int offset, int length) {
        try {
            if (buffers == null || length <= 0) return null;
            int[] positions = new int[length];
            for (int i = 0; i < length; i++) positions[i] = buffers[offset + i].position();
            return positions;
        } catch (Throwable dropped) {
            return null;
        }
    }

    private static int moved(ByteBuffer[] buffers, int offset, int[] before) {
        int sum = 0;
        for (int i = 0; i < before.length; i++) sum += buffers[offset + i].position() - before[i];
        return sum;
    }

    /** What lies between the positions before and now. `records`: bytes of the records that were made of it. */
    private static void tell(TransportContext context, int direction, ByteBuffer[] buffers, int offset, int[] before, int records) {
        try {
            long session = session(context);
            long where = where(context, direction);
            int untold = records;
            for (int i = 0; before != null && i < before.length; i++) {
                ByteBuffer buffer = buffers[offset + i];
                int length = buffer.position() - before[i];
                if (length <= 0) continue;
                if (buffer.isDirect()) direct(session, where, buffer, before[i], length, untold);
                else if (buffer.hasArray())
                    bytes(session, where, buffer.array(), buffer.arrayOffset() + before[i], length, untold);
                else {
                    byte[] copy = new byte[length];
                    ByteBuffer again = buffer.duplicate();
                    again.position(before[i]);
                    again.get(copy);
                    bytes(session, where, copy, 0, length, untold);
                }
                untold = 0;
            }
            if (untold > 0) bytes(session, where, nothing, 0, 0, untold);
        } catch (Throwable dropped) {
        }
    }

    /** Objects move; their hash codes stay. Of two, so that two sessions hardly ever have the same. */
    private static long session(TransportContext context) {
        return ((long) System.identityHashCode(context) << 32) | System.identityHashCode(context.transport);
    }

    /** Descriptor of the socket, 0xffffffff where it is not known; above it the direction. */
    private static long where(TransportContext context, int direction) {
        int fd = -1;
        try {
            if (context.transport instanceof SSLSocketImpl) {
                Socket socket = (Socket) layered.get(context.transport);
                if (socket.getChannel() instanceof SelChImpl) fd = ((SelChImpl) socket.getChannel()).getFDVal();
                else fd = number.getInt(descriptor.invoke(implementation.get(socket)));
            }
        } catch (Throwable unknown) {
        }
        return ((long) direction << 32) | (fd & 0xffffffffL);
    }

    private static native void bytes(long session, long where, byte[] array, int offset, int length, int records);

    private static native void direct(long session, long where, ByteBuffer buffer, int offset, int length, int records);
}
