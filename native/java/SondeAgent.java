// SPDX-License-Identifier: Apache-2.0
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Set;

/**
 * Leads JSSE's calls that encrypt and decrypt through SondeTls1, and back. Asked by Sonde over the attach interface of the JVM, with
 * `start FOLDER` or `stop FOLDER`; how it went is written to FOLDER/result. Three classes of the JDK are changed, each in a call or two that
 * are led elsewhere with the same arguments (Redirects.java); when one of them is not as expected all stay as they are.
 */
public final class SondeAgent {
    private static final String hookName = "sun.security.ssl.SondeTls1";
    private static final String[] changed = {
        "sun.security.ssl.SSLSocketImpl",
        "sun.security.ssl.SSLSocketImpl$AppOutputStream",
        "sun.security.ssl.SSLEngineImpl",
    };

    /** Of the first time that this was asked: each has its own, and only that which adds a transformer can remove it. */
    private static Instrumentation instrumentation;
    private static ClassFileTransformer active;
    private static Class<?> hook;

    private SondeAgent() {}

    public static synchronized void agentmain(String options, Instrumentation another) {
        if (instrumentation == null) instrumentation = another;
        int space = options == null ? -1 : options.indexOf(' ');
        if (space < 0) return;
        String folder = options.substring(space + 1);
        String result;
        try {
            if (options.startsWith("start ")) start(folder);
            else stop();
            result = "done";
        } catch (Throwable error) {
            result = error.toString();
        }
        try (FileOutputStream file = new FileOutputStream(folder + "/result")) {
            file.write(result.getBytes(StandardCharsets.UTF_8));
        } catch (IOException unheard) {
            // Then nobody waits for it.
        }
    }

    private static void start(String folder) throws Exception {
        if (hook == null) hook = define();
        call("start", folder + "/libsonde_java_tls.so");
        if (active != null) return;
        Redirects redirects = new Redirects(hookName.replace('.', '/'));
        instrumentation.addTransformer(redirects, true);
        try {
            instrumentation.retransformClasses(classes());
            redirects.check(changed);
            active = redirects;
        } catch (Throwable error) {
            restore(redirects);
            throw error;
        }
    }

    private static void stop() throws Exception {
        if (active == null) return;
        ClassFileTransformer redirects = active;
        active = null;
        restore(redirects);
    }

    /** The classes as they were: they are made anew from what they were loaded from, by all transformers but this one. */
    private static void restore(ClassFileTransformer redirects) throws Exception {
        call("stop");
        instrumentation.removeTransformer(redirects);
        instrumentation.retransformClasses(classes());
    }

    private static Class<?>[] classes() throws ClassNotFoundException {
        Class<?>[] classes = new Class<?>[changed.length];
        for (int i = 0; i < changed.length; i++) classes[i] = Class.forName(changed[i], false, null);
        return classes;
    }

    /** In JSSE's package, which is opened to this class for it; once in the life of the JVM. */
    private static Class<?> define() throws Exception {
        Module jdk = Object.class.getModule();
        Set<Module> here = Collections.singleton(SondeAgent.class.getModule());
        instrumentation.redefineModule(
            jdk,
            Collections.emptySet(),
            Collections.emptyMap(),
            Collections.singletonMap("sun.security.ssl", here),
            Collections.emptySet(),
            Collections.emptyMap());
        byte[] code;
        try (InputStream stream = SondeAgent.class.getResourceAsStream("/SondeTls1.bin")) {
            code = stream.readAllBytes();
        }
        return MethodHandles.privateLookupIn(Class.forName(changed[0], false, null), MethodHandles.lookup()).defineClass(code);
    }

    private static void call(String name, String... arguments) throws Exception {
        Class<?>[] types = new Class<?>[arguments.length];
        java.util.Arrays.fill(types, String.class);
        Method method = hook.getDeclaredMethod(name, types);
        method.setAccessible(true);
        method.invoke(null, (Object[]) arguments);
    }
}
