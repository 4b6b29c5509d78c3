import { create, createFileRegistry, type DescMethod, type FileRegistry } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'

const field = (
  name: string,
  number: number,
  type: Type,
  more: { readonly typeName?: string; readonly repeated?: boolean } = {},
) => ({
  name,
  jsonName: name.replaceAll(/_(\w)/gu, (_, letter: string) => letter.toUpperCase()),
  number,
  type,
  label: more.repeated === true ? Label.REPEATED : Label.OPTIONAL,
  ...(more.typeName === undefined ? {} : { typeName: more.typeName }),
})

/** A service with one method of each kind over an order with nested, repeated, mapped and enum fields. */
export const orderRegistry: FileRegistry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      create(FileDescriptorProtoSchema, {
        name: 'order.proto',
        package: 'shop.v1',
        syntax: 'proto3',
        enumType: [
          {
            name: 'Side',
            value: [
              { name: 'BUY', number: 0 },
              { name: 'SELL', number: 1 },
            ],
          },
        ],
        messageType: [
          {
            name: 'Order',
            field: [
              field('id', 1, Type.STRING),
              field('item_list', 2, Type.MESSAGE, { typeName: '.shop.v1.Item', repeated: true }),
              field('total', 3, Type.INT32),
              field('side', 4, Type.ENUM, { typeName: '.shop.v1.Side' }),
              field('labels', 5, Type.MESSAGE, {
                typeName: '.shop.v1.Order.LabelsEntry',
                repeated: true,
              }),
            ],
            nestedType: [
              {
                name: 'LabelsEntry',
                options: { mapEntry: true },
                field: [field('key', 1, Type.STRING), field('value', 2, Type.INT32)],
              },
            ],
          },
          { name: 'Item', field: [field('price', 1, Type.INT32), field('sku', 2, Type.STRING)] },
        ],
        service: [
          {
            name: 'Orders',
            method: [
              { name: 'Place', inputType: '.shop.v1.Order', outputType: '.shop.v1.Order' },
              {
                name: 'Upload',
                inputType: '.shop.v1.Order',
                outputType: '.shop.v1.Order',
                clientStreaming: true,
              },
              {
                name: 'Watch',
                inputType: '.shop.v1.Order',
                outputType: '.shop.v1.Order',
                serverStreaming: true,
              },
              {
                name: 'Talk',
                inputType: '.shop.v1.Order',
                outputType: '.shop.v1.Order',
                clientStreaming: true,
                serverStreaming: true,
              },
            ],
          },
        ],
      }),
    ],
  }),
)

/** The method of that name. */
export function orderMethod(name: 'Place' | 'Upload' | 'Watch' | 'Talk'): DescMethod {
  const method = orderRegistry
    .getService('shop.v1.Orders')
    ?.methods.find((one) => one.name === name)
  if (method === undefined) throw new Error(name)
  return method
}
