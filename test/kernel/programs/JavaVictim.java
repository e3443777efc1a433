// Speaks HTTP/1 over TLS or plain TCP, as server or client, so that each request is told from all others by its path.
//   java JavaVictim.java WAY server PORT KEYSTORE       PKCS #12, password "sonde"
//   java JavaVictim.java WAY client PORT CONNECTIONS REQUESTS
// WAY: socket (SSLSocket, a thread for each connection), engine (the JDK's HTTPS server and HTTP client, which use SSLEngine), plain (Socket),
// nio (SocketChannel by a selector).
// Request j of connection i asks for /i-j, and the client ends with an error unless that is what it is answered.
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

public final class JavaVictim {
    public static void main(String[] args) throws Exception {
        String way = args[0];
        int port = Integer.parseInt(args[2]);
        if (args[1].equals("client")) {
            clients(way, port, Integer.parseInt(args[3]), Integer.parseInt(args[4]));
            return;
        }
        switch (way) {
            case "engine" -> serveByEngine(port, args[3]);
            case "nio" -> serveBySelector(port);
            default -> {
                InetAddress here = InetAddress.getLoopbackAddress();
                ServerSocket server = way.equals("socket")
                    ? secure(args[3]).getServerSocketFactory().createServerSocket(port, 64, here)
                    : new ServerSocket(port, 64, here);
                while (true) {
                    Socket socket = server.accept();
                    new Thread(() -> serve(socket)).start();
                }
            }
        }
    }

    static byte[] answer(String path) {
        return ("HTTP/1.1 200 OK\r\nContent-Length: " + path.length() + "\r\n\r\n" + path).getBytes(StandardCharsets.US_ASCII);
    }

    /** Takes whole requests from the beginning; what they are answered. */
    static byte[] answers(StringBuilder unread) {
        StringBuilder all = new StringBuilder();
        for (int end; (end = unread.indexOf("\r\n\r\n")) >= 0; unread.delete(0, end + 4))
            all.append(new String(answer(unread.substring(0, end).split(" ")[1]), StandardCharsets.US_ASCII));
        return all.toString().getBytes(StandardCharsets.US_ASCII);
    }

    static void serve(Socket socket) {
        StringBuilder unread = new StringBuilder();
        byte[] buffer = new byte[4096];
        try (socket) {
            for (int n; (n = socket.getInputStream().read(buffer)) > 0; ) {
                unread.append(new String(buffer, 0, n, StandardCharsets.US_ASCII));
                byte[] answers = answers(unread);
                if (answers.length > 0) socket.getOutputStream().write(answers);
            }
        } catch (IOException ended) {
            // By the client.
        }
    }

    static void serveByEngine(int port, String store) throws Exception {
        HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", port), 64);
        server.setHttpsConfigurator(new HttpsConfigurator(secure(store)));
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestURI().getPath().getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
    }

    static void serveBySelector(int port) throws IOException {
        Selector selector = Selector.open();
        ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", port), 64);
        server.configureBlocking(false).register(selector, SelectionKey.OP_ACCEPT);
        ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
        while (true) {
            selector.select();
            for (SelectionKey key : selector.selectedKeys()) {
                if (key.isAcceptable()) {
                    server.accept().configureBlocking(false).register(selector, SelectionKey.OP_READ, new StringBuilder());
                    continue;
                }
                SocketChannel channel = (SocketChannel) key.channel();
                buffer.clear();
                if (channel.read(buffer) < 0) {
                    channel.close();
                    continue;
                }
                StringBuilder unread = (StringBuilder) key.attachment();
                unread.append(StandardCharsets.US_ASCII.decode(buffer.flip()));
                channel.write(ByteBuffer.wrap(answers(unread)));
            }
            selector.selectedKeys().clear();
        }
    }

    static void clients(String way, int port, int connections, int requests) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(connections);
        List<Future<?>> all = new ArrayList<>();
        // Time for an agent to see this JVM.
        Thread.sleep(Long.getLong("victim.waitMs", 0));
        SSLContext context = secure(null);
        for (int i = 0; i < connections; i++) {
            int connection = i;
            all.add(pool.submit(() -> {
                if (way.equals("engine")) askByEngine(context, port, connection, requests);
                else if (way.equals("nio")) askByChannel(port, connection, requests);
                else
                    try (Socket socket = way.equals("socket")
                            ? context.getSocketFactory().createSocket("127.0.0.1", port)
                            : new Socket("127.0.0.1", port)) {
                        ask(socket, connection, requests);
                    }
                return null;
            }));
        }
        for (Future<?> one : all) one.get();
        pool.shutdown();
    }

    static void check(boolean isRight) {
        if (!isRight) throw new IllegalStateException("error: another answer");
    }

    static byte[] request(String path) {
        return ("GET " + path + " HTTP/1.1\r\nHost: java\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
    }

    static void ask(Socket socket, int connection, int requests) throws IOException {
        InputStream in = socket.getInputStream();
        for (int i = 0; i < requests; i++) {
            String path = "/" + connection + "-" + i;
            socket.getOutputStream().write(request(path));
            byte[] expected = answer(path);
            check(java.util.Arrays.equals(in.readNBytes(expected.length), expected));
        }
    }

    static void askByChannel(int port, int connection, int requests) throws IOException {
        try (SocketChannel channel = SocketChannel.open(new InetSocketAddress("127.0.0.1", port))) {
            for (int i = 0; i < requests; i++) {
                String path = "/" + connection + "-" + i;
                channel.write(ByteBuffer.wrap(request(path)));
                byte[] expected = answer(path);
                ByteBuffer got = ByteBuffer.allocateDirect(expected.length);
                while (got.hasRemaining()) check(channel.read(got) > 0);
                check(got.flip().equals(ByteBuffer.wrap(expected)));
            }
        }
    }

    static void askByEngine(SSLContext context, int port, int connection, int requests) throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(context).version(HttpClient.Version.HTTP_1_1).build();
        for (int i = 0; i < requests; i++) {
            String path = "/" + connection + "-" + i;
            HttpRequest request = HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + port + path)).build();
            check(client.send(request, HttpResponse.BodyHandlers.ofString()).body().equals(path));
        }
    }

    /** The certificate is not looked at: a test has its own. */
    static SSLContext secure(String store) throws Exception {
        KeyManager[] keys = null;
        if (store != null) {
            KeyStore loaded = KeyStore.getInstance("PKCS12");
            try (InputStream file = new FileInputStream(store)) {
                loaded.load(file, "sonde".toCharArray());
            }
            KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            factory.init(loaded, "sonde".toCharArray());
            keys = factory.getKeyManagers();
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys, new TrustManager[] {new Anyone()}, null);
        return context;
    }

    static final class Anyone extends X509ExtendedTrustManager {
        @Override public void checkClientTrusted(X509Certificate[] chain, String type) {}
        @Override public void checkServerTrusted(X509Certificate[] chain, String type) {}
        @Override public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}
        @Override public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}
        @Override public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
        @Override public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
        @Override public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }
}
