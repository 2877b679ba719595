// SPDX-License-Identifier: GPL-3.0-or-later

// The Secrets Store CSI driver as far as a rollout sees it: a volume of a pod that names a SecretProviderClass is mounted, and a moment later
// the Secrets of its secretObjects exist. The values are the SecretProviderClass's own parameters: there is no vault. Runs on the node, as root.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const (
	name    = "secrets-store.csi.k8s.io"
	socket  = "/var/lib/kubelet/plugins/" + name + "/csi.sock"
	tell    = "/var/lib/kubelet/plugins_registry/" + name + "-reg.sock"
	account = "/var/run/secrets/kubernetes.io/serviceaccount/"
	// the real driver's controller makes the Secret after the mount, so that a container's first start fails
	later = 4 * time.Second
)

type driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedNodeServer
	registration.UnimplementedRegistrationServer
}

func (driver) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: name, Endpoint: socket, SupportedVersions: []string{"1.0.0"}}, nil
}

func (driver) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	log.Print("registered: ", status.PluginRegistered, " ", status.Error)
	return &registration.RegistrationStatusResponse{}, nil
}

func (driver) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: name, VendorVersion: "1"}, nil
}

func (driver) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

func (driver) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: os.Getenv("NODE_NAME")}, nil
}

func (driver) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

func (driver) NodePublishVolume(_ context.Context, asked *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	volume := asked.GetVolumeContext()
	namespace, class := volume["csi.storage.k8s.io/pod.namespace"], volume["secretProviderClass"]
	log.Print("mount for ", namespace, "/", volume["csi.storage.k8s.io/pod.name"], ": ", class)
	time.AfterFunc(later, func() {
		if err := create(namespace, class); err != nil {
			log.Print(class, ": ", err)
		}
	})
	return &csi.NodePublishVolumeResponse{}, os.MkdirAll(asked.GetTargetPath(), 0o750)
}

func (driver) NodeUnpublishVolume(_ context.Context, asked *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	return &csi.NodeUnpublishVolumeResponse{}, os.RemoveAll(asked.GetTargetPath())
}

// create makes the Secrets of a SecretProviderClass; one that exists is left as it is.
func create(namespace, class string) error {
	var found struct {
		Spec struct {
			Parameters    map[string]string
			SecretObjects []struct {
				SecretName string
				Data       []struct{ ObjectName, Key string }
			}
		}
	}
	if err := ask("GET", "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/"+namespace+"/secretproviderclasses/"+class, nil, &found); err != nil {
		return err
	}
	for _, object := range found.Spec.SecretObjects {
		data := map[string]string{}
		for _, item := range object.Data {
			data[item.Key] = found.Spec.Parameters[item.ObjectName]
		}
		secret := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": object.SecretName}, "stringData": data}
		if err := ask("POST", "/api/v1/namespaces/"+namespace+"/secrets", secret, nil); err != nil {
			return err
		}
	}
	return nil
}

func ask(method, path string, body, into any) error {
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return err
	}
	authority, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, "https://"+os.Getenv("KUBERNETES_SERVICE_HOST")+":"+os.Getenv("KUBERNETES_SERVICE_PORT")+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if answer.StatusCode == http.StatusConflict {
		return nil // it exists
	}
	if answer.StatusCode > 299 {
		return fmt.Errorf("%s %s: %s", method, path, said)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(said, into)
}

func serve(path string, register func(*grpc.Server)) {
	if err := os.RemoveAll(path); err != nil { // of an earlier pod
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	register(server)
	log.Fatal(server.Serve(listener))
}

func main() {
	if err := os.MkdirAll(strings.TrimSuffix(socket, "/csi.sock"), 0o750); err != nil {
		log.Fatal(err)
	}
	go serve(socket, func(s *grpc.Server) {
		csi.RegisterIdentityServer(s, driver{})
		csi.RegisterNodeServer(s, driver{})
	})
	serve(tell, func(s *grpc.Server) { registration.RegisterRegistrationServer(s, driver{}) })
}
