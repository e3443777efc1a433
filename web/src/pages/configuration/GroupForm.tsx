// Makes a group or changes one. What this form does not know of a group stays as it is.

import { useState } from "react"
import type { AgentGroup } from "../../api/adminContract.ts"
import { useAdminChange } from "../../api/adminQueries.ts"
import { Dialog } from "../../parts/Dialog.tsx"
import { FormActions } from "../../parts/FormActions.tsx"
import { Field } from "../../parts/Field.tsx"
import { readNames, readWords } from "./words.ts"

const namePattern = /^[0-9a-zA-Z._-]{1,64}$/

const newGroup: AgentGroup = {
  name: "",
  description: "",
  priority: 0,
  agents: [],
  hosts: [],
  zones: [],
  capabilities: [],
  tags: [],
  members: 0,
}

interface GroupFormProps {
  /** Undefined: a new one. */
  readonly group: AgentGroup | undefined
  readonly onClose: () => void
}

export const GroupForm = ({ group = newGroup, onClose }: GroupFormProps) => {
  const { mutate, isPending, error } = useAdminChange()
  const [name, setName] = useState(group.name)
  const [description, setDescription] = useState(group.description)
  const [priority, setPriority] = useState(String(group.priority))
  const [hosts, setHosts] = useState(group.hosts.join(", "))
  const [zones, setZones] = useState(group.zones.join(", "))
  const [capabilities, setCapabilities] = useState(group.capabilities.join(", "))
  const [tags, setTags] = useState(group.tags.join(", "))
  const [agents, setAgents] = useState(group.agents.join(", "))
  const isNew = group === newGroup
  const isNamed = namePattern.test(name)
  const isOrdered = /^-?\d{1,9}$/.test(priority.trim())
  const input = (value: string, onChange: (value: string) => void) => (
    <input
      type="text"
      autoComplete="off"
      spellCheck={false}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  )
  return (
    <Dialog title={isNew ? "New group" : `Group ${group.name}`} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          if (!isNamed || !isOrdered) return
          const changed = {
            ...group,
            name,
            description: description.trim(),
            priority: Number(priority),
            hosts: readWords(hosts),
            zones: readWords(zones),
            capabilities: readNames(capabilities),
            tags: readWords(tags),
            agents: readWords(agents),
          }
          mutate({ call: "GroupSet", payload: { group: changed } }, { onSuccess: onClose })
        }}
      >
        {isNew ? (
          <Field
            name="Name"
            problem={name === "" || isNamed ? "" : "1 to 64 letters, digits and the signs . _ -"}
          >
            {input(name, setName)}
          </Field>
        ) : null}
        <Field name="Description">{input(description, setDescription)}</Field>
        <Field
          name="Priority"
          note="When several groups fit, the highest decides."
          problem={isOrdered ? "" : "Expected an integer."}
        >
          {input(priority, setPriority)}
        </Field>
        <Field name="Hosts" note="Patterns of host names with commas between: web-*, db-?">
          {input(hosts, setHosts)}
        </Field>
        <Field name="Zones" note="Availability zones whose agents are in it.">
          {input(zones, setZones)}
        </Field>
        <Field
          name="Tags"
          note="What they all have to be: os=debian*, arch=arm64, kernel=6.*, version=, region=."
        >
          {input(tags, setTags)}
        </Field>
        <Field
          name="Capabilities"
          note="Features that all of them have on, as Agents shows them, with commas between: socket data, packets."
        >
          {input(capabilities, setCapabilities)}
        </Field>
        <Field name="Agents" note="Ids of agents that are in it whatever else is said.">
          {input(agents, setAgents)}
        </Field>
        <FormActions
          error={error}
          name={isNew ? "Make the group" : "Save"}
          isDisabled={isPending || !isNamed || !isOrdered}
          onClose={onClose}
        />
      </form>
    </Dialog>
  )
}
