// The ingress controller of the local Kubernetes: it routes requests to Services, by the rules of
// https://kubernetes.io/docs/concepts/services-networking/ingress/#the-ingress-resource.
//
// An Ingress is served over HTTPS only for the hosts in its `tls`, and over HTTP only for all others. Annotations, and
// backends that are not Services, are ignored. A Service's port named `https` is called over HTTPS, and its certificate is
// not verified.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	listers "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const resync = 30 * time.Second // retries what failed

type controller struct {
	class     string
	address   string
	client    kubernetes.Interface
	ingresses listers.IngressLister
	services  corelisters.ServiceLister
	secrets   corelisters.SecretLister
}

func main() {
	class := flag.String("class", "", "the IngressClass of the Ingresses to serve")
	address := flag.String("address", "localhost", "the host name that Ingresses report")
	plain := flag.String("http", ":8000", "the address to serve HTTP on")
	encrypted := flag.String("https", ":8443", "the address to serve HTTPS on")
	flag.Parse()

	config, err := rest.InClusterConfig()
	if err != nil {
		log.Fatal(err)
	}
	client := kubernetes.NewForConfigOrDie(config)
	factory := informers.NewSharedInformerFactory(client, resync)
	c := controller{
		class:     *class,
		address:   *address,
		client:    client,
		ingresses: factory.Networking().V1().Ingresses().Lister(),
		services:  factory.Core().V1().Services().Lister(),
		secrets:   factory.Core().V1().Secrets().Lister(),
	}
	_, err = factory.Networking().V1().Ingresses().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(added any) { c.report(added.(*networking.Ingress)) },
		UpdateFunc: func(_, updated any) { c.report(updated.(*networking.Ingress)) },
	})
	if err != nil {
		log.Fatal(err)
	}
	factory.Start(context.Background().Done())
	factory.WaitForCacheSync(context.Background().Done())

	https := http.Server{Addr: *encrypted, Handler: &c, TLSConfig: &tls.Config{GetCertificate: c.certificate}}
	go func() { log.Fatal(https.ListenAndServeTLS("", "")) }()
	log.Fatal(http.ListenAndServe(*plain, &c))
}

// report writes the address into the status of an Ingress.
func (c *controller) report(ingress *networking.Ingress) {
	want := []networking.IngressLoadBalancerIngress{{Hostname: c.address}}
	if !c.serves(ingress) || slices.EqualFunc(ingress.Status.LoadBalancer.Ingress, want, sameHost) {
		return
	}
	ingress = ingress.DeepCopy()
	ingress.Status.LoadBalancer.Ingress = want
	ingresses := c.client.NetworkingV1().Ingresses(ingress.Namespace)
	if _, err := ingresses.UpdateStatus(context.Background(), ingress, meta.UpdateOptions{}); err != nil {
		log.Printf("status of Ingress %s/%s: %v", ingress.Namespace, ingress.Name, err)
	}
}

func sameHost(a, b networking.IngressLoadBalancerIngress) bool { return a.Hostname == b.Hostname }

func (c *controller) serves(ingress *networking.Ingress) bool {
	return ingress.Spec.IngressClassName != nil && *ingress.Spec.IngressClassName == c.class
}

func (c *controller) served() []*networking.Ingress {
	all, err := c.ingresses.List(labels.Everything())
	if err != nil {
		log.Print(err)
	}
	all = slices.DeleteFunc(all, func(each *networking.Ingress) bool { return !c.serves(each) })
	slices.SortFunc(all, func(a, b *networking.Ingress) int { // the oldest wins if two have the same host and path
		return cmp.Or(
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return all
}

// certificate returns the certificate of the Ingress for the host that a client asks for.
func (c *controller) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	for _, ingress := range c.served() {
		for _, entry := range ingress.Spec.TLS {
			if !covers(entry, hello.ServerName) {
				continue
			}
			secret, err := c.secrets.Secrets(ingress.Namespace).Get(entry.SecretName)
			if err != nil {
				return nil, err
			}
			pair, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
			return &pair, err
		}
	}
	return nil, fmt.Errorf("no Ingress has a certificate for %q", hello.ServerName)
}

// ServeHTTP forwards a request to its Service.
func (c *controller) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	namespace, backend := c.route(request)
	if backend == nil {
		http.NotFound(response, request)
		return
	}
	target, err := c.target(namespace, backend.Service)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadGateway)
		return
	}
	proxy := httputil.ReverseProxy{
		Rewrite: func(forwarded *httputil.ProxyRequest) {
			forwarded.SetURL(target)
			forwarded.Out.Host = forwarded.In.Host
			forwarded.SetXForwarded()
		},
		Transport: transport,
	}
	proxy.ServeHTTP(response, request)
}

var transport = func() *http.Transport {
	own := http.DefaultTransport.(*http.Transport).Clone()
	own.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return own
}()

// route returns the backend of a request and its namespace. An exact host comes before a wildcard, and a wildcard before
// no host. Then the longest path wins, and an exact path before a prefix of the same length.
func (c *controller) route(request *http.Request) (namespace string, backend *networking.IngressBackend) {
	host := hostOf(request)
	highest := -1
	for _, ingress := range c.served() {
		if encrypted(ingress, host) != (request.TLS != nil) {
			continue
		}
		for _, rule := range ingress.Spec.Rules {
			if rule.HTTP == nil || rule.Host != "" && !matchesHost(rule.Host, host) {
				continue
			}
			for _, path := range rule.HTTP.Paths {
				rank, matches := rankOf(path, request.URL.Path)
				switch {
				case strings.EqualFold(rule.Host, host):
					rank += 2 << 16
				case rule.Host != "":
					rank += 1 << 16
				}
				if matches && path.Backend.Service != nil && rank > highest {
					namespace, backend, highest = ingress.Namespace, &path.Backend, rank
				}
			}
		}
		if other := ingress.Spec.DefaultBackend; other != nil && other.Service != nil && backend == nil {
			namespace, backend = ingress.Namespace, other
		}
	}
	return namespace, backend
}

func hostOf(request *http.Request) string {
	if host, _, err := net.SplitHostPort(request.Host); err == nil {
		return host
	}
	return request.Host
}

func encrypted(ingress *networking.Ingress, host string) bool {
	return slices.ContainsFunc(ingress.Spec.TLS, func(entry networking.IngressTLS) bool { return covers(entry, host) })
}

// covers reports whether a certificate is for a host. Without hosts, it is for all of them.
func covers(entry networking.IngressTLS, host string) bool {
	return len(entry.Hosts) == 0 ||
		slices.ContainsFunc(entry.Hosts, func(pattern string) bool { return matchesHost(pattern, host) })
}

// matchesHost reports whether a host matches a pattern. `*.` in a pattern stands for exactly one label.
func matchesHost(pattern, host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	return strings.EqualFold(pattern, host) || strings.EqualFold(pattern, "*."+parent)
}

func rankOf(path networking.HTTPIngressPath, asked string) (rank int, matches bool) {
	if path.PathType != nil && *path.PathType == networking.PathTypeExact {
		return 2*len(path.Path) + 1, asked == path.Path
	}
	prefix := strings.TrimSuffix(path.Path, "/")
	return 2 * len(prefix), asked == prefix || strings.HasPrefix(asked, prefix+"/")
}

// target returns the URL of a Service's port.
func (c *controller) target(namespace string, backend *networking.IngressServiceBackend) (*url.URL, error) {
	service, err := c.services.Services(namespace).Get(backend.Name)
	if err != nil {
		return nil, err
	}
	if service.Spec.ClusterIP == "" || service.Spec.ClusterIP == core.ClusterIPNone {
		return nil, fmt.Errorf("the Service %s/%s has no address of its own", namespace, backend.Name)
	}
	for _, port := range service.Spec.Ports {
		if backend.Port.Name != "" && port.Name == backend.Port.Name || port.Port == backend.Port.Number {
			scheme := "http"
			if port.Name == "https" {
				scheme = "https"
			}
			return &url.URL{Scheme: scheme, Host: net.JoinHostPort(service.Spec.ClusterIP, fmt.Sprint(port.Port))}, nil
		}
	}
	return nil, fmt.Errorf("the Service %s/%s has no port %v", namespace, backend.Name, backend.Port)
}
