// A Java service in the usual ways of dividing its work. Each request asks another HTTP server (HttpURLConnection, which keeps
// connections), then Redis over connections from a pool.
//   direct   a pool of threads reads, works and answers
//   handoff  that pool reads and answers, another pool works meanwhile (CompletableFuture)
//   nio      one thread reads all connections by a selector; a pool works and answers
//   virtual  a virtual thread for each request, where the JDK has them
// Usage: java Shop.java PORT HTTP_PORT REDIS_PORT WAY
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

public final class Shop {
    static int httpPort;
    static final BlockingQueue<Socket> links = new ArrayBlockingQueue<>(16);
    static final byte[] ok = "ok\n".getBytes(StandardCharsets.US_ASCII);

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        httpPort = Integer.parseInt(args[1]);
        for (int i = 0; i < 16; i++) links.put(new Socket("127.0.0.1", Integer.parseInt(args[2])));
        switch (args[3]) {
            case "direct" -> serve(port, Executors.newFixedThreadPool(16), null);
            case "handoff" -> serve(port, Executors.newFixedThreadPool(16), Executors.newFixedThreadPool(16));
            case "virtual" -> serve(port, virtualThreads(), null);
            default -> select(port, Executors.newFixedThreadPool(16));
        }
    }

    static ExecutorService virtualThreads() throws ReflectiveOperationException {
        return (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }

    static void serve(int port, ExecutorService readers, ExecutorService workers) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 256);
        server.createContext("/", exchange -> {
            String mark = markOf(exchange.getRequestURI().getPath());
            try {
                if (workers == null) work(mark);
                else CompletableFuture.runAsync(() -> work(mark), workers).join();
                answer(exchange, 200);
            } catch (RuntimeException error) {
                answer(exchange, 502);
            }
        });
        server.setExecutor(readers);
        server.start();
    }

    static void answer(HttpExchange exchange, int status) throws IOException {
        exchange.sendResponseHeaders(status, ok.length);
        exchange.getResponseBody().write(ok);
        exchange.close();
    }

    static String markOf(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    static void work(String mark) {
        try {
            HttpURLConnection connection =
                (HttpURLConnection) new URL("http://127.0.0.1:" + httpPort + "/item/" + mark).openConnection();
            try (InputStream body = connection.getInputStream()) {
                body.readAllBytes();
            }
            Socket link = links.take();
            try {
                String key = "cart:" + mark;
                String command = "*2\r\n$3\r\nGET\r\n$" + key.length() + "\r\n" + key + "\r\n";
                link.getOutputStream().write(command.getBytes(StandardCharsets.US_ASCII));
                for (int last = 0; last != '\n'; ) last = link.getInputStream().read();
            } finally {
                links.put(link);
            }
        } catch (IOException | InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    static void select(int port, ExecutorService workers) throws IOException {
        Selector selector = Selector.open();
        ServerSocketChannel listener = ServerSocketChannel.open();
        listener.bind(new InetSocketAddress("127.0.0.1", port), 256);
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        ByteBuffer buffer = ByteBuffer.allocate(65536);
        while (true) {
            selector.select();
            for (SelectionKey key : selector.selectedKeys()) {
                if (key.isAcceptable()) {
                    SocketChannel accepted = listener.accept();
                    accepted.configureBlocking(false);
                    accepted.register(selector, SelectionKey.OP_READ, new StringBuilder());
                } else {
                    read(key, buffer, workers);
                }
            }
            selector.selectedKeys().clear();
        }
    }

    /** Requests have no bodies; a client sends the next one when it has its answer. */
    static void read(SelectionKey key, ByteBuffer buffer, ExecutorService workers) {
        SocketChannel channel = (SocketChannel) key.channel();
        StringBuilder text = (StringBuilder) key.attachment();
        try {
            buffer.clear();
            if (channel.read(buffer) < 0) {
                channel.close();
                return;
            }
            text.append(StandardCharsets.US_ASCII.decode(buffer.flip()));
            if (text.indexOf("\r\n\r\n") < 0) return;
            String mark = markOf(text.substring(0, text.indexOf(" HTTP/")));
            text.setLength(0);
            workers.execute(() -> {
                String status = "200 OK";
                try {
                    work(mark);
                } catch (RuntimeException error) {
                    status = "502 Bad Gateway";
                }
                String head = "HTTP/1.1 " + status + "\r\nContent-Length: 3\r\n\r\nok\n";
                try {
                    channel.write(ByteBuffer.wrap(head.getBytes(StandardCharsets.US_ASCII)));
                } catch (IOException gone) {
                    key.cancel();
                }
            });
        } catch (IOException gone) {
            key.cancel();
        }
    }
}
