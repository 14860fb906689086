//! Nodes: a network interface and a virtual machine with its disks, per slot; an availability set where zones are absent.

use lazuli_core::resource::{NodeSlot, ResourceId, ResourceType, Rollout};
use lazuli_core::{Address, Type, Value};

use super::NodeFacts;
use super::api_server::Balancer;
use super::boot::{AzureFacts, NodeBoot, Pki};
use super::content::Content;
use super::identity::Identity;
use super::network::Placement;
use super::part::{Part, Site, VERSION_COMPUTE, VERSION_NETWORK, object, reference, strings};
use super::phase::{NodeRole, Phase};
use super::{inside, membership};
use crate::names;
use crate::roster::{Records, Seat, Wanted, seat};
use crate::spec::{Cluster, Cni, Disk, Image, Network, Pool, Proxy};

/// The gallery of the Cluster API project's reference images.
const REFERENCE_GALLERY: &str = "ClusterAPI-f72ceb4f-5159-4c26-a0fe-2ea738f0d019";
const ADMIN: &str = "lazuli";
/// Where a machine asks Azure about itself, and where its agent talks to Azure: never through a proxy.
const METADATA_SERVICE: &str = "169.254.169.254";
const WIRE_SERVER: &str = "168.63.129.16";

/// What nodes are connected to.
pub(super) struct Surroundings<'a> {
    pub(super) network: &'a Placement,
    pub(super) balancer: &'a Balancer,
    pub(super) identity: &'a Identity,
}

impl Surroundings<'_> {
    /// The subnet of a pool's nodes, with its address.
    fn subnet(&self, pool: &Pool) -> &(ResourceId, Address) {
        match pool.is_control_plane() {
            true => &self.network.control_plane_subnet,
            false => &self.network.worker_subnet,
        }
    }

    /// The backend pools a pool's nodes are in, with the addresses of their load balancers. Control-plane nodes behind a
    /// public API leave through it; Azure lets nobody join two public load balancers.
    fn backend_pools(&self, site: &Site<'_>, pool: &Pool) -> Vec<(&ResourceId, &Address)> {
        let api = (&self.balancer.pool, &self.balancer.address);
        let outbound = self.network.outbound.as_ref().map(|(id, address)| (id, address));
        match (pool.is_control_plane(), &site.cluster.api_server.private) {
            (true, None) => vec![api],
            (true, Some(_)) => std::iter::once(api).chain(outbound).collect(),
            (false, _) => outbound.into_iter().collect(),
        }
    }
}

fn vm_type() -> ResourceType {
    ResourceType::new("Microsoft.Compute/virtualMachines", VERSION_COMPUTE)
}

fn nic_type() -> ResourceType {
    ResourceType::new("Microsoft.Network/networkInterfaces", VERSION_NETWORK)
}

fn nic_id(site: &Site<'_>, slot: &NodeSlot) -> ResourceId {
    names::resource(&site.group, &nic_type(), &format!("{}-nic", slot.name))
}

/// What the nodes of all pools are added to.
pub(super) struct Sketch<'a> {
    pub(super) around: &'a Surroundings<'a>,
    pub(super) records: Records<'a>,
    pub(super) phase: Phase<'a>,
    pub(super) parts: &'a mut Vec<Part>,
    pub(super) nodes: &'a mut Vec<NodeFacts>,
}

/// The address of a node's membership.
pub(super) fn member(cluster: &Cluster, pool: &Pool, number: u32) -> Address {
    pool.address(&cluster.address).keyed("node", &number.to_string()).child("member")
}

/// Adds the nodes of a pool, replaced after those of the pools `before`. Returns the membership that makes the cluster,
/// while it is one of these.
pub(super) fn expand(
    site: &Site<'_>,
    pool: &Pool,
    before: &[Address],
    sketch: &mut Sketch<'_>,
) -> Option<Address> {
    let Sketch { around, records, phase, .. } = *sketch;
    let pool_address = pool.address(&site.cluster.address);
    let wanted = |slot: &NodeSlot| Wanted {
        vm: (names::resource(&site.group, &vm_type(), &slot.name), machine(site, pool, around, slot)),
        nic: (nic_id(site, slot), interface(site, pool, around)),
        configuration: membership::configuration(site, pool),
    };
    let availability_set = availability_set(site, pool, &pool_address);
    let seats = seat(&site.cluster.address, &site.cluster.name, pool, records, &wanted);
    let (_, subnet_address) = around.subnet(pool);
    let control_plane = site.cluster.control_plane.address(&site.cluster.address);
    // The first control-plane node makes the cluster; everything else joins it.
    let first = control_plane.keyed("node", "1");
    let mut init = None;
    let mut previous = None;
    for Seat { slot, succeeds } in seats {
        let role = match pool.is_control_plane() {
            true => phase.role(&first, &slot, records.world),
            false => NodeRole::Worker,
        };
        let rollout = Rollout {
            pool: pool_address.clone(),
            node: slot.address.clone(),
            window: pool.update.window,
            after: before.to_vec(),
        };
        // Two machines must not make the cluster at the same time.
        let create_first = pool.update.create_first && role != NodeRole::Init;
        let (nic, vm) = (slot.address.child("nic"), slot.address.child("vm"));
        let Wanted { vm: (vm_id, vm_body), nic: (nic_id, nic_body), configuration } = wanted(&slot);
        let mut nic_draft = site
            .part(nic.clone(), nic_type(), nic_id, pool.span)
            .with_body(nic_body)
            .on(subnet_address, "properties.ipConfigurations");
        for (_, balancer) in around.backend_pools(site, pool) {
            nic_draft = nic_draft.on(balancer, "properties.ipConfigurations");
        }
        let nic_part = nic_draft.of_node(&slot, succeeds.as_deref(), rollout.clone(), create_first).done();
        let mut draft = site
            .part(vm.clone(), vm_type(), vm_id, pool.span)
            .with_body(vm_body)
            .on(&nic, "properties.networkProfile")
            .with(Content::Boot(Box::new(boot(site, pool, around, &slot.name, role == NodeRole::Init))))
            .of_node(&slot, succeeds.as_deref(), rollout.clone(), create_first);
        draft = draft.on(
            &around.identity.principal,
            if pool.is_control_plane() { "identity" } else { "azure.json names it" },
        );
        for role in &around.identity.roles {
            draft = draft.after(role, "the cloud provider needs its permissions");
        }
        for name in &around.balancer.names {
            draft = draft.after(name, "nodes resolve the host name of the API");
        }
        if let Some(set) = &availability_set {
            draft = draft.on(&set.declaration.address, "properties.availabilitySet");
        }
        nodes_facts(sketch.nodes, pool, &slot, nic);
        if !site.features.kubernetes {
            if slot.address != first {
                draft = draft.after(&first.child("vm"), "the first control-plane node makes the cluster");
            }
            sketch.parts.extend([nic_part, draft.done()]);
            continue;
        }
        let registration = slot.address.child("registration");
        draft = draft.on(&registration, "its user-data joins the cluster with it");
        let pki = Pki::of(&site.cluster.address);
        let keys: &[&Address] = if role == NodeRole::Init { &pki.all() } else { &[&pki.cluster_ca] };
        for key in keys {
            draft = draft.on(key, "its user-data is made from it");
        }
        let node = membership::Node {
            pool,
            slot: &slot,
            succeeds: succeeds.as_deref(),
            rollout: &rollout,
            role,
            create_first,
        };
        let after = order(site, role, phase, previous.as_ref());
        let configuration = membership::kept(records.world, &slot, configuration);
        let balancer = &around.balancer.address;
        let registration = membership::registration(site, &node, configuration, balancer, &after);
        let member = membership::member(site, &node);
        let address = member.declaration.address.clone();
        if role == NodeRole::Init {
            init = Some(address.clone());
        }
        previous = pool.is_control_plane().then_some(address);
        sketch.parts.extend([registration, nic_part, draft.done(), member]);
    }
    sketch.parts.extend(availability_set);
    init
}

/// What must be there before a node may join.
fn order(
    site: &Site<'_>,
    role: NodeRole,
    phase: Phase<'_>,
    previous: Option<&Address>,
) -> Vec<(Address, &'static str)> {
    let cluster = &site.cluster.address;
    let at = |name: &str| inside::layer(cluster, name);
    let ready = "no node becomes ready without it";
    let layers = [(at("cloud_provider"), ready), (at("network"), ready)];
    match role {
        NodeRole::Init => Vec::new(),
        NodeRole::ControlPlane => {
            let mut after = vec![(at("settings"), "kubeadm reads them to join")];
            if !phase.settled {
                after.extend(layers);
            }
            after.extend(previous.map(|member| (member.clone(), "one control-plane node after the other")));
            after
        }
        NodeRole::Worker => {
            let mut after = vec![(at("components"), "the control plane is current before its workers")];
            after.extend(layers);
            after.push((
                member(site.cluster, &site.cluster.control_plane, 1),
                "it joins the cluster of the first node",
            ));
            after
        }
    }
}

fn nodes_facts(nodes: &mut Vec<NodeFacts>, pool: &Pool, slot: &NodeSlot, nic: Address) {
    nodes.push(NodeFacts {
        name: slot.name.clone(),
        pool: pool.short_name().to_owned(),
        zone: slot.zone.clone(),
        nic,
    });
}

fn availability_set_id(site: &Site<'_>, pool: &Pool) -> ResourceId {
    let part = if pool.is_control_plane() { "control-plane" } else { pool.short_name() };
    names::resource(&site.group, &availability_set_type(), &format!("{}_{part}-as", site.cluster.name))
}

fn availability_set_type() -> ResourceType {
    ResourceType::new("Microsoft.Compute/availabilitySets", VERSION_COMPUTE)
}

/// Where there are no zones, an availability set spreads the machines of a pool over racks. Two fault domains are what
/// every region has.
fn availability_set(site: &Site<'_>, pool: &Pool, pool_address: &Address) -> Option<Part> {
    if !pool.has_availability_set() {
        return None;
    }
    let sku = object([("name", Value::string("Aligned"))]);
    let properties = object([("platformFaultDomainCount", Value::int(2))]);
    let address = pool_address.child("availability_set");
    let draft = site.part(address, availability_set_type(), availability_set_id(site, pool), pool.span);
    let mut part = draft.tracked("node", [("sku", sku), ("properties", properties)]).done();
    // `prevent_destroy` guards the cluster; its pools come and go.
    part.declaration.lifecycle.prevent_destroy = false;
    Some(part)
}

/// The network interface's body.
fn interface(site: &Site<'_>, pool: &Pool, around: &Surroundings<'_>) -> Value {
    let mut configuration = vec![
        ("primary", Value::from(true)),
        ("privateIPAllocationMethod", Value::string("Dynamic")),
        ("privateIPAddressVersion", Value::string("IPv4")),
        ("subnet", reference(&around.subnet(pool).0)),
    ];
    let pools = around.backend_pools(site, pool);
    if !pools.is_empty() {
        let pools = Value::tuple(pools.into_iter().map(|(id, _)| reference(id)));
        configuration.push(("loadBalancerBackendAddressPools", pools));
    }
    let configuration =
        object([("name", Value::string("pipConfig")), ("properties", Value::object(configuration))]);
    let forwards = site.cluster.profile.cni == Cni::AzureRoutes;
    let properties = object([
        ("enableIPForwarding", Value::from(forwards)),
        ("ipConfigurations", Value::tuple([configuration])),
    ]);
    object([
        ("location", Value::string(site.cluster.region.as_str())),
        ("tags", site.tags("node", true)),
        ("properties", properties),
    ])
}

/// The virtual machine's body, user-data left unknown.
fn machine(site: &Site<'_>, pool: &Pool, around: &Surroundings<'_>, slot: &NodeSlot) -> Value {
    let cluster = site.cluster;
    let text = |text: &str| Value::string(text);
    let delete = || text("Delete");
    let nic = nic_id(site, slot);
    let os_disk = object([
        ("name", Value::string(format!("{}-os", slot.name))),
        ("createOption", text("FromImage")),
        ("deleteOption", delete()),
        ("osType", text("Linux")),
        ("diskSizeGB", Value::int(pool.os_disk.size_gb)),
        ("managedDisk", object([("storageAccountType", text(&pool.os_disk.sku))])),
    ]);
    let mut storage = vec![("imageReference", image(site)), ("osDisk", os_disk)];
    if let Some(etcd) = &pool.etcd_disk {
        storage.push(("dataDisks", Value::tuple([etcd_disk(slot, etcd)])));
    }
    let key = object([
        ("path", Value::string(format!("/home/{ADMIN}/.ssh/authorized_keys"))),
        ("keyData", text(&cluster.ssh_key)),
    ]);
    let linux = object([
        ("disablePasswordAuthentication", Value::from(true)),
        ("ssh", object([("publicKeys", Value::tuple([key]))])),
    ]);
    let os = object([
        ("computerName", text(&slot.name)),
        ("adminUsername", text(ADMIN)),
        ("allowExtensionOperations", Value::from(true)),
        ("customData", Value::unknown_of(Type::String).sensitive()),
        ("linuxConfiguration", linux),
    ]);
    let interface = object([
        ("id", text(nic.as_str())),
        ("properties", object([("primary", Value::from(true)), ("deleteOption", delete())])),
    ]);
    let mut properties = vec![
        ("hardwareProfile", object([("vmSize", text(&pool.instance_type))])),
        ("storageProfile", Value::object(storage)),
        ("osProfile", os),
        ("networkProfile", object([("networkInterfaces", Value::tuple([interface]))])),
        ("diagnosticsProfile", object([("bootDiagnostics", object([("enabled", Value::from(true))]))])),
    ];
    if pool.encryption_at_host {
        properties.push(("securityProfile", object([("encryptionAtHost", Value::from(true))])));
    }
    if pool.has_availability_set() {
        properties.push(("availabilitySet", reference(&availability_set_id(site, pool))));
    }
    if let Some(max_price) = &pool.spot {
        properties.push(("priority", text("Spot")));
        properties.push(("evictionPolicy", delete()));
        properties.push(("billingProfile", object([("maxPrice", max_price.clone())])));
    }
    let mut members = vec![
        ("location", text(&cluster.region)),
        ("tags", site.tags("node", true)),
        ("properties", Value::object(properties)),
    ];
    if let Some(zone) = &slot.zone {
        members.push(("zones", strings([zone.as_str()])));
    }
    if pool.is_control_plane() {
        let identities = Value::object([(around.identity.id.as_str(), object([]))]);
        members.push((
            "identity",
            object([("type", text("UserAssigned")), ("userAssignedIdentities", identities)]),
        ));
    }
    if let Image::Marketplace { publisher, offer, sku, plan: true, .. } = &cluster.profile.image {
        members.push((
            "plan",
            object([("publisher", text(publisher)), ("product", text(offer)), ("name", text(sku))]),
        ));
    }
    Value::object(members)
}

/// A disk of its own for etcd, empty at every creation: a member that joins must start empty. Without host caching,
/// which could lose acknowledged writes.
fn etcd_disk(slot: &NodeSlot, disk: &Disk) -> Value {
    object([
        ("name", Value::string(format!("{}-etcd", slot.name))),
        ("lun", Value::int(0)),
        ("createOption", Value::string("Empty")),
        ("deleteOption", Value::string("Delete")),
        ("caching", Value::string("None")),
        ("diskSizeGB", Value::int(disk.size_gb)),
        ("managedDisk", object([("storageAccountType", Value::string(disk.sku.as_str()))])),
    ])
}

fn image(site: &Site<'_>) -> Value {
    let profile = &site.cluster.profile;
    match &profile.image {
        Image::Reference(name) => {
            let version = &profile.kubernetes;
            let id = format!("/CommunityGalleries/{REFERENCE_GALLERY}/Images/{name}/Versions/{version}");
            object([("communityGalleryImageId", Value::string(id))])
        }
        Image::Gallery(id) => {
            // Azure has a name of its own for each kind of gallery.
            let begins = |word: &str| id.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
            let kind = match () {
                () if begins("/communityGalleries/") => "communityGalleryImageId",
                () if begins("/sharedGalleries/") => "sharedGalleryImageId",
                () => "id",
            };
            object([(kind, Value::string(id.as_str()))])
        }
        Image::Marketplace { publisher, offer, sku, version, .. } => object([
            ("publisher", Value::string(publisher.as_str())),
            ("offer", Value::string(offer.as_str())),
            ("sku", Value::string(sku.as_str())),
            ("version", Value::string(version.as_str())),
        ]),
    }
}

/// The first boot of a node of a pool.
pub(super) fn boot(
    site: &Site<'_>,
    pool: &Pool,
    around: &Surroundings<'_>,
    name: &str,
    first: bool,
) -> NodeBoot {
    let cluster = site.cluster;
    let mut kubelet_args = cluster.profile.kubelet_args.clone();
    kubelet_args.extend(pool.kubelet_args.clone());
    NodeBoot {
        name: name.to_owned(),
        cluster: cluster.name.clone(),
        control_plane: pool.is_control_plane(),
        first,
        kubernetes: cluster.profile.kubernetes.clone(),
        endpoint: (site.fqdn.clone(), cluster.api_server.port),
        pod_cidr: cluster.profile.pod_cidr.to_string(),
        service_cidr: cluster.profile.service_cidr.to_string(),
        api_server_private: cluster.api_server.private.is_some(),
        azure_routes: cluster.profile.cni == Cni::AzureRoutes,
        feature_gates: cluster.profile.feature_gates.clone(),
        api_server_args: cluster.profile.api_server_args.clone(),
        cert_sans: cluster.profile.cert_sans.clone(),
        controller_manager_args: cluster.profile.controller_manager_args.clone(),
        scheduler_args: cluster.profile.scheduler_args.clone(),
        two_authorities: site.rotations.has_two_authorities(),
        proxy: cluster.proxy.as_ref().map(|proxy| proxied(site, proxy)),
        labels: pool.labels.clone(),
        taints: pool.taints.clone(),
        kubelet_args,
        pre_bootstrap: pool.pre_bootstrap.clone(),
        post_bootstrap: pool.post_bootstrap.clone(),
        azure: azure_facts(site, around),
        pki: Pki::of(&cluster.address),
    }
}

/// What the cloud provider is told of Azure.
pub(super) fn azure_facts(site: &Site<'_>, around: &Surroundings<'_>) -> AzureFacts {
    let (cluster, network) = (site.cluster, around.network);
    let group = |id: &ResourceId| id.resource_group().unwrap_or_default().to_owned();
    AzureFacts {
        cloud: site.account.cloud(),
        tenant_id: site.account.tenant_id.clone(),
        subscription_id: site.account.subscription_id.clone(),
        resource_group: cluster.resource_group.clone(),
        location: cluster.region.clone(),
        network_resource_group: group(&network.virtual_network),
        virtual_network: network.virtual_network.name().to_owned(),
        worker_subnet: network.worker_subnet.0.name().to_owned(),
        worker_security_group: network.worker_security_group.clone(),
        route_table: network.route_table.clone(),
        existing_subnets: match &cluster.network {
            Network::Dynamic(_) => Vec::new(),
            Network::Existing(_) => {
                vec![network.worker_subnet.1.clone(), network.control_plane_subnet.1.clone()]
            }
        },
        identity: around.identity.principal.clone(),
    }
}

/// The proxy, without which nodes reach each other, their services and Azure's own addresses.
pub(super) fn proxied(site: &Site<'_>, proxy: &Proxy) -> Proxy {
    let cluster = site.cluster;
    let mut own = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        METADATA_SERVICE.to_owned(),
        WIRE_SERVER.to_owned(),
    ];
    if let Network::Dynamic(network) = &cluster.network {
        own.push(network.cidr.to_string());
    }
    own.extend([cluster.profile.pod_cidr.to_string(), cluster.profile.service_cidr.to_string()]);
    own.extend([".svc".to_owned(), ".cluster.local".to_owned(), site.fqdn.clone()]);
    let mut no_proxy = proxy.no_proxy.clone();
    for address in own {
        if !no_proxy.contains(&address) {
            no_proxy.push(address);
        }
    }
    Proxy { no_proxy, ..proxy.clone() }
}
