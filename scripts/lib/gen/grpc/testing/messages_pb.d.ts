import type { GenEnum, GenFile, GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Message, UnknownEnum } from "@bufbuild/protobuf";
/**
 * Describes the file grpc/testing/messages.proto.
 */
export declare const file_grpc_testing_messages: GenFile;
/**
 * Older than google.protobuf.BoolValue, same bytes.
 *
 * @generated from message grpc.testing.BoolValue
 */
export type BoolValue = Message<"grpc.testing.BoolValue"> & {
    /**
     * @generated from field: bool value = 1;
     */
    value: boolean;
};
/**
 * Describes the message grpc.testing.BoolValue.
 * Use `create(BoolValueSchema)` to create a new message.
 */
export declare const BoolValueSchema: GenMessage<BoolValue>;
/**
 * @generated from message grpc.testing.Payload
 */
export type Payload = Message<"grpc.testing.Payload"> & {
    /**
     * @generated from field: grpc.testing.PayloadType type = 1;
     */
    type: PayloadType;
    /**
     * @generated from field: bytes body = 2;
     */
    body: Uint8Array;
};
/**
 * Describes the message grpc.testing.Payload.
 * Use `create(PayloadSchema)` to create a new message.
 */
export declare const PayloadSchema: GenMessage<Payload>;
/**
 * A status that the server shall end the call with.
 *
 * @generated from message grpc.testing.EchoStatus
 */
export type EchoStatus = Message<"grpc.testing.EchoStatus"> & {
    /**
     * @generated from field: int32 code = 1;
     */
    code: number;
    /**
     * @generated from field: string message = 2;
     */
    message: string;
};
/**
 * Describes the message grpc.testing.EchoStatus.
 * Use `create(EchoStatusSchema)` to create a new message.
 */
export declare const EchoStatusSchema: GenMessage<EchoStatus>;
/**
 * @generated from message grpc.testing.SimpleRequest
 */
export type SimpleRequest = Message<"grpc.testing.SimpleRequest"> & {
    /**
     * @generated from field: grpc.testing.PayloadType response_type = 1;
     */
    responseType: PayloadType;
    /**
     * Bytes of the body of the response's payload.
     *
     * @generated from field: int32 response_size = 2;
     */
    responseSize: number;
    /**
     * @generated from field: grpc.testing.Payload payload = 3;
     */
    payload?: Payload | undefined;
    /**
     * @generated from field: bool fill_username = 4;
     */
    fillUsername: boolean;
    /**
     * @generated from field: bool fill_oauth_scope = 5;
     */
    fillOauthScope: boolean;
    /**
     * @generated from field: grpc.testing.BoolValue response_compressed = 6;
     */
    responseCompressed?: BoolValue | undefined;
    /**
     * @generated from field: grpc.testing.EchoStatus response_status = 7;
     */
    responseStatus?: EchoStatus | undefined;
    /**
     * Whether the server shall refuse this request unless it came compressed (true) or not compressed (false).
     *
     * @generated from field: grpc.testing.BoolValue expect_compressed = 8;
     */
    expectCompressed?: BoolValue | undefined;
    /**
     * @generated from field: bool fill_server_id = 9;
     */
    fillServerId: boolean;
    /**
     * @generated from field: bool fill_grpclb_route_type = 10;
     */
    fillGrpclbRouteType: boolean;
    /**
     * What the server shall report in the trailer `endpoint-load-metrics-bin`.
     *
     * @generated from field: grpc.testing.TestOrcaReport orca_per_query_report = 11;
     */
    orcaPerQueryReport?: TestOrcaReport | undefined;
};
/**
 * Describes the message grpc.testing.SimpleRequest.
 * Use `create(SimpleRequestSchema)` to create a new message.
 */
export declare const SimpleRequestSchema: GenMessage<SimpleRequest>;
/**
 * @generated from message grpc.testing.SimpleResponse
 */
export type SimpleResponse = Message<"grpc.testing.SimpleResponse"> & {
    /**
     * @generated from field: grpc.testing.Payload payload = 1;
     */
    payload?: Payload | undefined;
    /**
     * @generated from field: string username = 2;
     */
    username: string;
    /**
     * @generated from field: string oauth_scope = 3;
     */
    oauthScope: string;
    /**
     * @generated from field: string server_id = 4;
     */
    serverId: string;
    /**
     * @generated from field: grpc.testing.GrpclbRouteType grpclb_route_type = 5;
     */
    grpclbRouteType: GrpclbRouteType;
    /**
     * @generated from field: string hostname = 6;
     */
    hostname: string;
};
/**
 * Describes the message grpc.testing.SimpleResponse.
 * Use `create(SimpleResponseSchema)` to create a new message.
 */
export declare const SimpleResponseSchema: GenMessage<SimpleResponse>;
/**
 * @generated from message grpc.testing.StreamingInputCallRequest
 */
export type StreamingInputCallRequest = Message<"grpc.testing.StreamingInputCallRequest"> & {
    /**
     * @generated from field: grpc.testing.Payload payload = 1;
     */
    payload?: Payload | undefined;
    /**
     * @generated from field: grpc.testing.BoolValue expect_compressed = 2;
     */
    expectCompressed?: BoolValue | undefined;
};
/**
 * Describes the message grpc.testing.StreamingInputCallRequest.
 * Use `create(StreamingInputCallRequestSchema)` to create a new message.
 */
export declare const StreamingInputCallRequestSchema: GenMessage<StreamingInputCallRequest>;
/**
 * @generated from message grpc.testing.StreamingInputCallResponse
 */
export type StreamingInputCallResponse = Message<"grpc.testing.StreamingInputCallResponse"> & {
    /**
     * @generated from field: int32 aggregated_payload_size = 1;
     */
    aggregatedPayloadSize: number;
};
/**
 * Describes the message grpc.testing.StreamingInputCallResponse.
 * Use `create(StreamingInputCallResponseSchema)` to create a new message.
 */
export declare const StreamingInputCallResponseSchema: GenMessage<StreamingInputCallResponse>;
/**
 * @generated from message grpc.testing.ResponseParameters
 */
export type ResponseParameters = Message<"grpc.testing.ResponseParameters"> & {
    /**
     * @generated from field: int32 size = 1;
     */
    size: number;
    /**
     * Microseconds to wait before this response.
     *
     * @generated from field: int32 interval_us = 2;
     */
    intervalUs: number;
    /**
     * @generated from field: grpc.testing.BoolValue compressed = 3;
     */
    compressed?: BoolValue | undefined;
    /**
     * @generated from field: grpc.testing.BoolValue fill_peer_socket_address = 4;
     */
    fillPeerSocketAddress?: BoolValue | undefined;
};
/**
 * Describes the message grpc.testing.ResponseParameters.
 * Use `create(ResponseParametersSchema)` to create a new message.
 */
export declare const ResponseParametersSchema: GenMessage<ResponseParameters>;
/**
 * @generated from message grpc.testing.StreamingOutputCallRequest
 */
export type StreamingOutputCallRequest = Message<"grpc.testing.StreamingOutputCallRequest"> & {
    /**
     * @generated from field: grpc.testing.PayloadType response_type = 1;
     */
    responseType: PayloadType;
    /**
     * @generated from field: repeated grpc.testing.ResponseParameters response_parameters = 2;
     */
    responseParameters: ResponseParameters[];
    /**
     * @generated from field: grpc.testing.Payload payload = 3;
     */
    payload?: Payload | undefined;
    /**
     * @generated from field: grpc.testing.EchoStatus response_status = 7;
     */
    responseStatus?: EchoStatus | undefined;
    /**
     * What the server shall report out of band from now on.
     *
     * @generated from field: grpc.testing.TestOrcaReport orca_oob_report = 8;
     */
    orcaOobReport?: TestOrcaReport | undefined;
};
/**
 * Describes the message grpc.testing.StreamingOutputCallRequest.
 * Use `create(StreamingOutputCallRequestSchema)` to create a new message.
 */
export declare const StreamingOutputCallRequestSchema: GenMessage<StreamingOutputCallRequest>;
/**
 * @generated from message grpc.testing.StreamingOutputCallResponse
 */
export type StreamingOutputCallResponse = Message<"grpc.testing.StreamingOutputCallResponse"> & {
    /**
     * @generated from field: grpc.testing.Payload payload = 1;
     */
    payload?: Payload | undefined;
    /**
     * @generated from field: string peer_socket_address = 2;
     */
    peerSocketAddress: string;
};
/**
 * Describes the message grpc.testing.StreamingOutputCallResponse.
 * Use `create(StreamingOutputCallResponseSchema)` to create a new message.
 */
export declare const StreamingOutputCallResponseSchema: GenMessage<StreamingOutputCallResponse>;
/**
 * @generated from message grpc.testing.TestOrcaReport
 */
export type TestOrcaReport = Message<"grpc.testing.TestOrcaReport"> & {
    /**
     * @generated from field: double cpu_utilization = 1;
     */
    cpuUtilization: number;
    /**
     * @generated from field: double memory_utilization = 2;
     */
    memoryUtilization: number;
    /**
     * @generated from field: map<string, double> request_cost = 3;
     */
    requestCost: {
        [key: string]: number;
    };
    /**
     * @generated from field: map<string, double> utilization = 4;
     */
    utilization: {
        [key: string]: number;
    };
};
/**
 * Describes the message grpc.testing.TestOrcaReport.
 * Use `create(TestOrcaReportSchema)` to create a new message.
 */
export declare const TestOrcaReportSchema: GenMessage<TestOrcaReport>;
/**
 * @generated from enum grpc.testing.PayloadType
 */
export declare const PayloadType: {
    /**
     * @generated from enum value: COMPRESSABLE = 0;
     */
    readonly COMPRESSABLE: 0;
};
/**
 * @generated from enum grpc.testing.PayloadType
 */
export type PayloadType = (typeof PayloadType)[keyof typeof PayloadType] | UnknownEnum;
/**
 * Describes the enum grpc.testing.PayloadType.
 */
export declare const PayloadTypeSchema: GenEnum<PayloadType>;
/**
 * @generated from enum grpc.testing.GrpclbRouteType
 */
export declare const GrpclbRouteType: {
    /**
     * @generated from enum value: GRPCLB_ROUTE_TYPE_UNKNOWN = 0;
     */
    readonly UNKNOWN: 0;
    /**
     * @generated from enum value: GRPCLB_ROUTE_TYPE_FALLBACK = 1;
     */
    readonly FALLBACK: 1;
    /**
     * @generated from enum value: GRPCLB_ROUTE_TYPE_BACKEND = 2;
     */
    readonly BACKEND: 2;
};
/**
 * @generated from enum grpc.testing.GrpclbRouteType
 */
export type GrpclbRouteType = (typeof GrpclbRouteType)[keyof typeof GrpclbRouteType] | UnknownEnum;
/**
 * Describes the enum grpc.testing.GrpclbRouteType.
 */
export declare const GrpclbRouteTypeSchema: GenEnum<GrpclbRouteType>;
//# sourceMappingURL=messages_pb.d.ts.map