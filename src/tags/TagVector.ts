// All tags of one side of a flow as one value. Each distinct vector gets a number of its own, the resource id, which is all that
// rows carry; a side whose tags change gets another vector and so another id, and old rows keep the tags of their time.
// The columns here are those of `flow_tag.resource`, in order; docs, dictionary, writer and querier all read this list.

export interface VectorColumn<Name extends string = string> {
  readonly name: Name
  readonly type: "UInt8" | "UInt32" | "String"
  readonly comment: string
}

const number = <const Name extends string>(
  name: Name,
  comment: string,
  type: "UInt8" | "UInt32" = "UInt32",
) => ({
  name,
  type,
  comment,
})

const text = <const Name extends string>(name: Name, comment: string) =>
  ({ name, type: "String", comment }) as const

export const vectorNumbers = [
  number("region_id", "Region."),
  number("az_id", "Availability zone."),
  number("host_id", "Host: the hypervisor or physical machine."),
  number("chost_id", "Cloud host: the machine whose kernel it is."),
  number("l3_epc_id", "VPC; 0: none known."),
  number("subnet_id", "Subnet."),
  number(
    "l3_device_type",
    "Kind of what owns the address: 1 chost, 6 host, 10 pod, 11 service, 14 node ...",
    "UInt8",
  ),
  number("l3_device_id", "What owns the address, of that kind."),
  number("pod_cluster_id", "Kubernetes cluster."),
  number("pod_node_id", "Kubernetes node."),
  number("pod_ns_id", "Kubernetes namespace."),
  number("pod_group_id", "Workload."),
  number("pod_group_type", "Kind of workload: 130 Deployment, 131 StatefulSet, 133 DaemonSet ...", "UInt8"),
  number("pod_id", "Pod."),
  number("service_id", "Kubernetes service."),
  number("gprocess_id", "Process group: the processes of one name on one host or in one pod."),
  number("biz_service_id", "Service that people defined."),
  number("auto_instance_type", "Kind of `auto_instance`.", "UInt8"),
  number("auto_instance_id", "The most exact instance that is known."),
  number("auto_service_type", "Kind of `auto_service`.", "UInt8"),
  number("auto_service_id", "The most meaningful service that is known."),
  number("tag_set_id", "Custom tags: a set in `flow_tag.custom_tag`; 0: none."),
] as const

export const vectorTexts = [
  text("region", "Name of the region."),
  text("az", "Name of the availability zone."),
  text("host", "Name of the host."),
  text("chost", "Name of the cloud host."),
  text("vpc", "Name of the VPC."),
  text("subnet", "Name of the subnet."),
  text("l3_device", "Name of what owns the address."),
  text("pod_cluster", "Name of the Kubernetes cluster."),
  text("pod_node", "Name of the Kubernetes node."),
  text("pod_ns", "Name of the Kubernetes namespace."),
  text("pod_group", "Name of the workload."),
  text("pod", "Name of the pod."),
  text("pod_service", "Name of the Kubernetes service."),
  text("gprocess", "Name of the process group."),
  text("biz_service", "Name of the service that people defined."),
  text("process_kname", "Kernel's name of the process."),
  text("auto_instance", "Name of `auto_instance`; empty: the row's address stands for it."),
  text("auto_service", "Name of `auto_service`; empty: the row's address stands for it."),
] as const

export const vectorColumns: ReadonlyArray<VectorColumn> = [...vectorNumbers, ...vectorTexts]

export type VectorNumber = (typeof vectorNumbers)[number]["name"]
export type VectorText = (typeof vectorTexts)[number]["name"]

export type TagVector = Record<VectorNumber, number> & Record<VectorText, string>

const empty = Object.fromEntries(
  vectorColumns.map(({ name, type }) => [name, type === "String" ? "" : 0]),
) as TagVector

/** All numbers 0, all names empty. */
export const emptyVector = (): TagVector => ({ ...empty })

/** Equal for equal vectors only: names cannot hold the separator (cleanName sees to that). */
export const vectorKey = (vector: TagVector): string => {
  let key = ""
  for (const { name } of vectorNumbers) key += `${vector[name]},`
  for (const { name } of vectorTexts) key += `${vector[name]}\u0000`
  return key
}
