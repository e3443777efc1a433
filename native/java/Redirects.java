// SPDX-License-Identifier: Apache-2.0
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.instrument.ClassFileTransformer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.ProtectionDomain;
import java.util.HashMap;
import java.util.Map;

/**
 * Class files in which certain calls go to static methods of another class, which take the same arguments, the object first where there
 * is one. Such a call is as long as the one before and leaves the same on the stack, so that nothing moves: constants are added behind
 * the others, and three bytes of code change for each call (JVM specification, 4.4 to 4.7 and 6.5).
 */
final class Redirects implements ClassFileTransformer {
    private static final int invokevirtual = 0xb6, invokestatic = 0xb8, tableswitch = 0xaa, lookupswitch = 0xab, wide = 0xc4;
    private static final int iinc = 0x84;
    /** Bytes that follow an opcode; switches and `wide` aside. */
    private static final byte[] operands = operands();

    private static final String buffers = "[Ljava/nio/ByteBuffer;II[Ljava/nio/ByteBuffer;II)";

    /** Class, name, parameters of the calls that are led elsewhere; and whether an object comes before the parameters. */
    private enum Call {
        decode("sun/security/ssl/SSLTransport", "(Lsun/security/ssl/TransportContext;" + buffers + "Lsun/security/ssl/Plaintext;", false),
        encode("sun/security/ssl/OutputRecord", "(" + buffers + "Lsun/security/ssl/Ciphertext;", true),
        deliver("sun/security/ssl/OutputRecord", "([BII)V", true);

        final String owner, descriptor, target;

        Call(String owner, String descriptor, boolean hasObject) {
            this.owner = owner;
            this.descriptor = descriptor;
            this.target = hasObject ? "(L" + owner + ";" + descriptor.substring(1) : descriptor;
        }
    }

    private final String hook;
    private final Map<String, Integer> led = new HashMap<>();
    private Throwable error;

    Redirects(String hook) {
        this.hook = hook;
    }

    /** Throws when one of these classes was not changed. */
    void check(String[] names) {
        for (String name : names)
            if (led.getOrDefault(name.replace('.', '/'), 0) == 0)
                throw new IllegalStateException(name + " of this JDK has no such call", error);
    }

    @Override
    public byte[] transform(ClassLoader loader, String name, Class<?> type, ProtectionDomain domain, byte[] file) {
        if (loader != null || name == null || !name.startsWith("sun/security/ssl/SSL")) return null;
        switch (name) {
            case "sun/security/ssl/SSLSocketImpl":
            case "sun/security/ssl/SSLSocketImpl$AppOutputStream":
            case "sun/security/ssl/SSLEngineImpl":
                break;
            default:
                return null;
        }
        try {
            return new ClassFile(file).lead(name);
        } catch (Throwable unlike) {
            error = unlike;
            return null;
        }
    }

    /** One class file on its way. */
    private final class ClassFile {
        final byte[] file;
        final ByteBuffer at;
        /** Where the constant of each number begins. */
        final int[] constants;
        final int constantsEnd;
        /** Number of the constant that a call has now, and of the one that it shall have. */
        final Map<Integer, Integer> replaced = new HashMap<>();
        final ByteArrayOutputStream added = new ByteArrayOutputStream();
        final DataOutputStream adding = new DataOutputStream(added);
        int count;
        int calls;

        ClassFile(byte[] bytes) {
            file = bytes.clone();
            at = ByteBuffer.wrap(file);
            if (at.getInt(0) != 0xcafebabe) throw new IllegalArgumentException("no class file");
            count = unsigned(8);
            constants = new int[count];
            int position = 10;
            for (int i = 1; i < count; i++) {
                constants[i] = position;
                int tag = file[position];
                position += constantLength(tag, position);
                if (tag == 5 || tag == 6) i++;
            }
            constantsEnd = position;
        }

        int unsigned(int position) {
            return at.getShort(position) & 0xffff;
        }

        int constantLength(int tag, int position) {
            switch (tag) {
                case 1: return 3 + unsigned(position + 1);
                case 3: case 4: case 9: case 10: case 11: case 12: case 17: case 18: return 5;
                case 5: case 6: return 9;
                case 7: case 8: case 16: case 19: case 20: return 3;
                case 15: return 4;
                default: throw new IllegalArgumentException("constant of kind " + tag);
            }
        }

        String text(int constant) {
            int position = constants[constant];
            return new String(file, position + 3, unsigned(position + 1), StandardCharsets.UTF_8);
        }

        byte[] lead(String name) throws IOException {
            for (int i = 1; i < constants.length; i++) {
                int position = constants[i];
                if (position == 0 || (file[position] != 10 && file[position] != 11)) continue;
                String owner = text(unsigned(constants[unsigned(position + 1)] + 1));
                int nameAndType = constants[unsigned(position + 3)];
                for (Call call : Call.values())
                    if (call.owner.equals(owner)
                            && call.name().equals(text(unsigned(nameAndType + 1)))
                            && call.descriptor.equals(text(unsigned(nameAndType + 3)))) replaced.put(i, add(call));
            }
            if (replaced.isEmpty()) return null;
            methods();
            if (calls == 0) return null;
            byte[] more = added.toByteArray();
            if (count > 0xffff) throw new IllegalArgumentException("too many constants");
            ByteBuffer whole = ByteBuffer.allocate(file.length + more.length);
            whole.put(file, 0, constantsEnd).put(more).put(file, constantsEnd, file.length - constantsEnd);
            whole.putShort(8, (short) count);
            led.put(name, calls);
            return whole.array();
        }

        /** The constants of a call of the other class. */
        int add(Call call) throws IOException {
            int first = count;
            addText(hook);
            adding.writeByte(7);
            adding.writeShort(first);
            addText(call.name());
            addText(call.target);
            adding.writeByte(12);
            adding.writeShort(first + 2);
            adding.writeShort(first + 3);
            adding.writeByte(10);
            adding.writeShort(first + 1);
            adding.writeShort(first + 4);
            count += 6;
            return first + 5;
        }

        void addText(String text) throws IOException {
            adding.writeByte(1);
            adding.writeUTF(text);
        }

        void methods() {
            int position = constantsEnd + 6;
            position += 2 + 2 * unsigned(position);
            position = members(position, false);
            members(position, true);
        }

        int members(int start, boolean hasCode) {
            int position = start + 2;
            for (int member = unsigned(start); member > 0; member--) {
                int attributes = unsigned(position + 6);
                position += 8;
                for (; attributes > 0; attributes--) {
                    if (hasCode && "Code".equals(text(unsigned(position))))
                        code(position + 14, position + 14 + at.getInt(position + 10));
                    position += 6 + at.getInt(position + 2);
                }
            }
            return position;
        }

        void code(int start, int end) {
            for (int position = start; position < end; ) {
                int opcode = file[position] & 0xff;
                if (opcode == invokevirtual || opcode == invokestatic) {
                    Integer other = replaced.get(unsigned(position + 1));
                    if (other != null) {
                        file[position] = (byte) invokestatic;
                        at.putShort(position + 1, (short) (int) other);
                        calls++;
                    }
                }
                position += length(opcode, position, start);
            }
        }

        int length(int opcode, int position, int start) {
            int aligned = start + ((position - start + 4) & ~3);
            switch (opcode) {
                case tableswitch:
                    return aligned + 12 + 4 * (at.getInt(aligned + 8) - at.getInt(aligned + 4) + 1) - position;
                case lookupswitch:
                    return aligned + 8 + 8 * at.getInt(aligned + 4) - position;
                case wide:
                    return (file[position + 1] & 0xff) == iinc ? 6 : 4;
                default:
                    if (opcode >= operands.length) throw new IllegalArgumentException("opcode " + opcode);
                    return 1 + operands[opcode];
            }
        }
    }

    private static byte[] operands() {
        byte[] operands = new byte[0xca];
        int[][] ranges = {
            {0x10, 0x10, 1}, {0x11, 0x11, 2}, {0x12, 0x12, 1}, {0x13, 0x14, 2}, {0x15, 0x19, 1}, {0x36, 0x3a, 1}, {0x84, 0x84, 2},
            {0x99, 0xa8, 2}, {0xa9, 0xa9, 1}, {0xb2, 0xb8, 2}, {0xb9, 0xba, 4}, {0xbb, 0xbb, 2}, {0xbc, 0xbc, 1}, {0xbd, 0xbd, 2},
            {0xc0, 0xc1, 2}, {0xc5, 0xc5, 3}, {0xc6, 0xc7, 2}, {0xc8, 0xc9, 4},
        };
        for (int[] range : ranges) java.util.Arrays.fill(operands, range[0], range[1] + 1, (byte) range[2]);
        return operands;
    }
}
