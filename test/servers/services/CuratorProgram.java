import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Collection;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.UriSpec;
import org.apache.curator.x.discovery.details.JsonInstanceSerializer;
import org.apache.curator.x.discovery.details.ServiceCacheListener;

/**
 * A program with Apache Curator's service discovery: registers an instance, tells of each change that its cache sees of a
 * service, and answers with what it finds of each service that a line of its input names. Ends with its input.
 */
class CuratorProgram {
    /** Arguments: ZooKeeper's address, base path, own service, id, address and port; the service to watch. */
    public static void main(String[] arguments) throws Exception {
        var own = ServiceInstance.<Void>builder()
                .name(arguments[2])
                .id(arguments[3])
                .address(arguments[4])
                .port(Integer.parseInt(arguments[5]))
                .uriSpec(new UriSpec("{scheme}://{address}:{port}"))
                .build();
        try (var client = CuratorFrameworkFactory.newClient(arguments[0], new RetryForever(200))) {
            client.start();
            try (var discovery = ServiceDiscoveryBuilder.builder(Void.class)
                    .client(client)
                    .basePath(arguments[1])
                    .serializer(new JsonInstanceSerializer<>(Void.class))
                    .thisInstance(own)
                    .build()) {
                discovery.start();
                try (var cache = discovery.serviceCacheBuilder().name(arguments[6]).build()) {
                    cache.addListener(new Teller(cache));
                    cache.start();
                    answer(discovery);
                }
            }
        }
    }

    private static void answer(ServiceDiscovery<Void> discovery) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        say("ready");
        for (var name = input.readLine(); name != null; name = input.readLine()) {
            say(name + " is " + shown(discovery.queryForInstances(name)));
        }
    }

    private static String shown(Collection<ServiceInstance<Void>> instances) {
        return instances.stream().map(one -> one.buildUriSpec()).sorted().collect(Collectors.joining(","));
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private record Teller(ServiceCache<Void> cache) implements ServiceCacheListener {
        @Override
        public void cacheChanged() {
            say("cache has " + shown(cache.getInstances()));
        }

        @Override
        public void stateChanged(CuratorFramework client, ConnectionState state) {
            // Of no matter here.
        }
    }
}
